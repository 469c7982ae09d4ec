import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadImages } from '../../../src/images/archives/load-images.ts'
import { errorOf } from '../../support/containers.ts'
import { imageOf, indexOf, served } from '../../support/image-registry.ts'
import { sha256 } from '../../support/layers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench } from '../../support/pull-bench.ts'
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

/** Clears a screen, sets a title, in C0 and C1 form, and turns the direction of writing. */
const evil = '\u001b[2J\u001b]0;evil\u0007\u009b31m\u202e\u2066'
const type = 'application/vnd.oci.image.manifest.v1+json'

/** What a terminal would obey, line ends aside. */
const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

const layer = tarArchive(tarFile('file', 'x'))
const manifests: readonly (readonly [string, Buffer])[] = [
  ['that is no JSON', Buffer.from(evil)],
  ['that is no JSON after a while', Buffer.from(`{"a": ${evil}`)],
  ['whose field has a wrong type', Buffer.from(JSON.stringify({ schemaVersion: 2, config: [{ [evil]: evil }] }))],
  ['with a media type', Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: evil, layers: [] }))],
  [
    'with an annotation that is no text',
    imageOf([layer], { change: (document) => (document['annotations'] = { [evil]: 1 }) }).manifest.bytes,
  ],
]

describe('what a registry writes does not reach the terminal', () => {
  test.each(manifests)('by a manifest %s', async (_, bytes) => {
    const name = bench.registry.serve('evil/manifest:1', served(type, bytes))
    const error = await errorOf(bench.fresh().pull(name))
    expect(error.message).not.toMatch(obeyed)
    expect(error.message.length).toBeLessThan(2000)
  })

  test.each([
    ['Labels', { Labels: { [evil]: 1 } }],
    ['Env', { Env: [{ [evil]: evil }] }],
    ['User', { User: { [evil]: evil } }],
  ])("by the configuration's %s", async (_, config) => {
    const name = bench.registry.serve('evil/config:1', imageOf([layer], { config }))
    const error = await errorOf(bench.fresh().pull(name))
    expect(error).toMatchObject({ code: 'ERR_INVALID_IMAGE' })
    expect(error.message).not.toMatch(obeyed)
  })
})

test.each(['schemaVersion', 'mediaType', 'annotations', 'unknown'])(
  'a manifest whose %s is nested without end is refused',
  async (field) => {
    const nested = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`
    const bytes = Buffer.from(`{"schemaVersion":2,"config":{},"layers":[],"${field}":${nested}}`)
    const error = await errorOf(bench.fresh().pull(bench.registry.serve('evil/nested:1', served(type, bytes))))
    expect(error).toMatchObject({ code: 'ERR_INVALID_IMAGE' })
    expect(error.message.length).toBeLessThan(2000)
  },
)

test.each([
  ['command', { Cmd: ['sh', '-c', 'true\0'] }],
  ['entrypoint', { Entrypoint: ['/bin/sh\0x'] }],
  ['variables', { Env: ['A=b\0c'] }],
  ['user', { User: 'ro\0ot' }],
  ['working directory', { WorkingDir: '/a\0b' }],
  ['volumes', { Volumes: { '/a\0b': {} } }],
  ['health check', { Healthcheck: { Test: ['CMD', 'true\0'] } }],
])('a NUL in the %s is refused when the image is pulled', async (_, config) => {
  const name = bench.registry.serve('evil/nul:1', imageOf([layer], { config }))
  expect(await errorOf(bench.fresh().pull(name))).toMatchObject({ code: 'ERR_INVALID_IMAGE', image: name })
})

test.each(['constructor', '__proto__', 'toString', evil, 'x'.repeat(100_000)])(
  'an index for the architecture %j has none for this machine',
  async (architecture) => {
    const image = imageOf([layer])
    const index = indexOf(
      [1, 2].map((number) => ({ image, platform: { os: 'linux', architecture, variant: `v${number}` } })),
    )
    const error = await errorOf(bench.fresh().pull(bench.registry.serve('evil/index:1', index, image)))
    expect(error).toMatchObject({ code: 'ERR_PLATFORM_MISSING' })
    expect(error.message).not.toMatch(obeyed)
    expect(error.message.length).toBeLessThan(2000)
  },
)

test('a name that is none in the index of the store makes no image vanish', async () => {
  const to = bench.fresh()
  const { id } = await to.pull(bench.registry.serve('named/well:1', imageOf([layer])))
  const path = join(to.home, 'oci/index.json')
  const document = JSON.parse(readFileSync(path, 'utf8')) as { manifests: { annotations: object }[] }
  const [entry] = document.manifests
  for (const name of ['NOT A NAME', evil, '__proto__', 'plain']) {
    document.manifests.push({ ...entry!, annotations: { 'org.opencontainers.image.ref.name': name } })
  }
  writeFileSync(path, JSON.stringify(document))
  const listed = await to.store.list()
  expect(listed.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(
    expect.arrayContaining([`${bench.registry.host}/named/well:1`, 'plain:latest']),
  )
  expect((await to.store.find('plain'))?.id).toBe(id)
  expect((await to.store.prune({ all: true })).images).toEqual([id])
})

test('names in an archive do not reach the terminal either', async () => {
  const image = imageOf([layer])
  const { mediaType, digest, size } = image.manifest
  const manifests = [1, 2].map((number) => ({
    ...{ mediaType, digest, size },
    annotations: { 'org.opencontainers.image.ref.name': `${evil}${number}${'x'.repeat(100_000)}` },
  }))
  const blobs = [image.manifest, image.config, ...image.layers]
  const archive = tarArchive(
    tarFile('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    tarFile('index.json', JSON.stringify({ schemaVersion: 2, manifests })),
    ...blobs.map(({ bytes }) => tarFile(`blobs/sha256/${sha256(bytes).slice(7)}`, bytes)),
  )
  const { store, session, env } = bench.fresh()
  for (const options of [{ single: true }, { reference: 'other' }]) {
    const error = await errorOf(loadImages(store, session, once(archive), { env, ...options }))
    expect(error.message).not.toMatch(obeyed)
    expect(error.message.length).toBeLessThan(2000)
  }
})

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
