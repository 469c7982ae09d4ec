import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProgressEvent } from '../../../src/images/progress.ts'
import { descriptorOf, imageOf, indexOf, served, type ServedImage } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench } from '../../support/pull-bench.ts'
import { errorOf } from '../../support/containers.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: PullBench

beforeAll(async () => {
  bench = await PullBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const archive = (content: string, name = content): Buffer => tarArchive(tarFile(name, content))

function zstd(bytes: Buffer): Buffer {
  return execFileSync('zstd', ['-c'], { input: bytes })
}

/** What the layers of an image have under a name each. */
function contents(image: { layers: readonly { directory: string }[] }, names: readonly string[]): string[] {
  return image.layers.map(({ directory }, at) => readFileSync(join(directory, names[at]!), 'utf8'))
}

describe('an image is pulled', () => {
  test.each(['docker', 'oci'] as const)('of %s media types, its layers plain, by gzip and by zstd', async (kind) => {
    const packs = [
      (bytes: Buffer) => ({ bytes, suffix: '' as const }),
      (bytes: Buffer) => ({ bytes: gzipSync(bytes), suffix: 'gzip' as const }),
      (bytes: Buffer) => ({ bytes: zstd(bytes), suffix: 'zstd' as const }),
    ]
    const names = ['plain', 'gzip', 'zstd']
    const made = imageOf(
      names.map((name) => archive(`${name} of ${kind}`, name)),
      { kind, pack: (bytes, at) => packs[at]!(bytes), config: { Cmd: ['true'] } },
    )
    const to = bench.fresh()
    const image = await to.pull(bench.registry.serve(`kinds/${kind}:1`, made))
    expect(image).toMatchObject({ id: made.config.digest, digest: made.manifest.digest, config: { cmd: ['true'] } })
    expect(contents(image, names)).toEqual(names.map((name) => `${name} of ${kind}`))
    expect(await to.store.verify()).toEqual([])
    const layout = `oci:${join(to.home, 'oci')}:${bench.registry.host}/kinds/${kind}:1`
    expect(execFileSync('skopeo', ['inspect', '--raw', layout], { encoding: 'utf8' })).toContain(made.config.digest)
  })

  test('for the platform that is asked for, from an index with attestations', async () => {
    const [amd64, arm64, attestation] = ['amd64', 'arm64', 'attestation'].map((name) =>
      imageOf([archive(name)], { changeConfig: (config) => Object.assign(config, { architecture: name }) }),
    ) as [ServedImage, ServedImage, ServedImage]
    const index = indexOf([
      { image: amd64, platform: { os: 'linux', architecture: 'amd64' } },
      { image: arm64, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      {
        image: attestation,
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      },
    ])
    const name = bench.registry.serve('many/platforms:1', index, amd64, arm64, attestation)
    const to = bench.fresh()
    for (const [platform, image] of [
      ['linux/arm64', arm64],
      ['linux/amd64', amd64],
    ] as const) {
      // prettier-ignore
      const pulled = await to.pull(name, { platform })
      expect(pulled).toMatchObject({ id: image.config.digest, digest: image.manifest.digest })
    }
    expect((await to.ensure(name, { platform: 'linux/arm64' })).id).toBe(arm64.config.digest)
    expect((await to.store.find(`${bench.registry.host}/many/platforms@${index.digest}`))?.id).toBeDefined()
    const asked = bench.registry.asked.length
    const error = await errorOf(to.pull(name, { platform: 'linux/s390x' }))
    expect(error).toMatchObject({ code: 'ERR_PLATFORM_MISSING', phase: 'pull', image: name })
    expect(error.message).toMatch(/linux\/s390x.*linux\/amd64, linux\/arm64\/v8/)
    expect(bench.registry.asked.slice(asked)).toEqual(['/v2/many/platforms/manifests/1'])
  })

  test('not when it is for another processor and nothing else says so', async () => {
    const other = process.arch === 'arm64' ? 'amd64' : 'arm64'
    const made = imageOf([archive('foreign')], {
      changeConfig: (config) => Object.assign(config, { architecture: other }),
    })
    const index = indexOf([{ image: made }])
    const names = [bench.registry.serve('foreign/one:1', made), bench.registry.serve('foreign/two:1', index, made)]
    for (const name of names) {
      const to = bench.fresh()
      await to.store.sweep()
      const before = to.listing()
      expect(await errorOf(to.pull(name))).toMatchObject({ code: 'ERR_PLATFORM_MISSING', image: name })
      expect(to.listing()).toEqual(before)
      expect((await to.pull(name, { platform: other })).id).toBe(made.config.digest)
    }
  })

  test('by digest, of its manifest and of its index', async () => {
    const made = imageOf([archive('digest')])
    const index = indexOf([{ image: made, platform: { os: 'linux', architecture: made ? hostArchitecture : '' } }])
    bench.registry.serve('by/digest:1', index, made)
    for (const { digest } of [made.manifest, index]) {
      const to = bench.fresh()
      const name = `${bench.registry.host}/by/digest@${digest}`
      expect((await to.pull(name)).id).toBe(made.config.digest)
      expect((await to.ensure(name, { pull: 'never' })).id).toBe(made.config.digest)
      expect((await to.ensure(`${bench.registry.host}/by/digest:9@${digest}`, { pull: 'never' })).id).toBeDefined()
      expect((await to.store.list()).length).toBe(1)
    }
  })

  test('under several names, and layers that are there are not fetched again', async () => {
    const base = archive('base')
    const [one, two] = [imageOf([base, archive('one')]), imageOf([base, archive('two')])]
    const names = [bench.registry.serve('shared/one:1', one), bench.registry.serve('shared/two:1', two)]
    names.push(bench.registry.serve('shared/two:2', two))
    const to = bench.fresh()
    const before = bench.registry.asked.length
    const images = []
    for (const name of names) images.push(await to.pull(name))
    const asked = bench.registry.asked.slice(before)
    expect(asked.filter((url) => url.endsWith(one.layers[0]!.digest))).toHaveLength(1)
    expect(asked).toHaveLength(3 + 3 + 2)
    expect(images[0]!.layers[0]!.directory).toBe(images[1]!.layers[0]!.directory)
    expect(images[2]).toEqual(images[1])
    expect(await to.store.list()).toHaveLength(3)
  })

  test('also with one layer many times, and with none', async () => {
    const empty = archive('nothing new')
    const made = imageOf([empty, archive('between'), empty, empty])
    const to = bench.fresh()
    const before = bench.registry.asked.length
    const image = await to.pull(bench.registry.serve('odd/repeated:1', made))
    expect(image.layers).toHaveLength(4)
    expect(new Set(image.layers.map(({ directory }) => directory)).size).toBe(2)
    expect(bench.registry.asked.slice(before)).toHaveLength(1 + 1 + 2)
    expect((await to.pull(bench.registry.serve('odd/scratch:1', imageOf([])))).layers).toEqual([])
  })

  test('from a registry that says nothing of media types in its documents', async () => {
    const made = imageOf([archive('quiet')], { change: (manifest) => delete manifest['mediaType'] })
    const quiet: ServedImage = { ...made, manifest: served(made.manifest.mediaType, made.manifest.bytes) }
    expect((await bench.fresh().pull(bench.registry.serve('quiet/app:1', quiet))).id).toBe(made.config.digest)
    expect(descriptorOf(quiet.manifest).size).toBe(made.manifest.size)
  })
})

const hostArchitecture = process.arch === 'arm64' ? 'arm64' : 'amd64'

test('its progress is told: each layer in order, with totals, and an end', async () => {
  const made = imageOf([archive('x'.repeat(200_000), 'large'), archive('small')], {
    pack: (bytes) => ({ bytes, suffix: '' }),
  })
  const name = bench.registry.serve('progress/app:1', made)
  const to = bench.fresh()
  await to.pull(name)
  expect(to.events[0]).toEqual({ kind: 'resolving', reference: name })
  const order = ['waiting', 'downloading', 'unpacking', 'done']
  for (const { digest, size } of made.layers) {
    const events = to.events.filter((event): event is ProgressEvent & { kind: 'layer' } => {
      return event.kind === 'layer' && event.digest === digest
    })
    const states = events.map(({ state }) => order.indexOf(state))
    expect(states).toEqual([...states].sort())
    expect(new Set(states).size).toBe(4)
    for (const state of order) {
      const done = events.filter((event) => event.state === state).map((event) => event.done)
      expect(done).toEqual([...done].sort((a, b) => a - b))
      expect(done.at(-1)).toBeLessThanOrEqual(size)
    }
    expect(events.every(({ total }) => total === size)).toBe(true)
    expect(events.findLast(({ state }) => state === 'downloading')?.done).toBe(size)
    expect(events.at(-1)).toMatchObject({ state: 'done', done: size })
  }
  const bytes = made.layers.reduce((sum, { size }) => sum + size, 0)
  const end = { kind: 'done', reference: name, digest: made.manifest.digest, id: made.config.digest }
  expect(to.events.at(-1)).toMatchObject({ ...end, changed: true, bytes })

  to.events.length = 0
  await to.pull(name)
  expect(to.events.map((event) => (event.kind === 'layer' ? event.state : event.kind))).toEqual(
    ['resolving', 'exists', 'exists', 'done'], // prettier-ignore
  )
  expect(to.events.at(-1)).toMatchObject({ ...end, changed: false, bytes: 0 })
})

test('layers come at once, and a retry is told', async () => {
  const made = imageOf(['a', 'b', 'c'].map((name) => archive(name)))
  const name = bench.registry.serve('parallel/app:1', made)
  const waiting: (() => void)[] = []
  let failed = false
  bench.registry.intervene = async ({ url = '' }, response) => {
    if (url.endsWith(made.config.digest) && !failed) {
      failed = true
      response.writeHead(503, { 'retry-after': '0' }).end()
      return true
    }
    if (!made.layers.some(({ digest }) => url.endsWith(digest))) return false
    // None is answered before all were asked for.
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      if (waiting.length === 3) waiting.forEach((go) => go())
    })
    return false
  }
  const to = bench.fresh()
  await to.pull(name)
  bench.registry.intervene = undefined
  expect(waiting).toHaveLength(3)
  expect(to.events.find(({ kind }) => kind === 'retry')).toMatchObject({ reference: name, delay: 0 })
})
