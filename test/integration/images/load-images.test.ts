import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importImage } from '../../../src/images/archives/import-image.ts'
import { loadImages } from '../../../src/images/archives/load-images.ts'
import { saveImages } from '../../../src/images/archives/save-images.ts'
import { errorOf } from '../../support/containers.ts'
import { configOf, dockerArchive, ImageBench } from '../../support/image-bench.ts'
import { sha256 } from '../../support/layers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tarArchive, tarDirectory, tarFile, tarSymlink } from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: ImageBench
beforeAll(async () => {
  bench = await ImageBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const lower = tarArchive(tarDirectory('etc/'), tarFile('etc/name', 'lower'), tarFile('gone', 'x'))
const upper = tarArchive(tarFile('etc/name', 'upper'), tarFile('.wh.gone', ''))

function skopeo(...args: string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Without root podman leaves a process that holds its namespaces. */
function endPause(file: string): void {
  if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL')
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000)
}

describe('images are loaded', () => {
  test('from a docker archive that comes by a pipe, its documents last', async () => {
    const { store, session, env } = bench
    const [loaded, ...others] = await loadImages(store, session, once(dockerArchive([lower, upper])), { env })
    expect(others).toEqual([])
    expect(loaded?.names).toEqual(['docker.io/made/by-hand:1'])
    expect(loaded?.image.id).toBe(sha256(configOf([lower, upper].map(sha256))))
    expect((await store.find('made/by-hand:1'))?.layers.map(({ key }) => key)).toEqual([sha256(lower), sha256(upper)])
  })

  test('also compressed, with compressed layers, links between layers, and no name', async () => {
    const { store, session, env } = bench
    const packed = gzipSync(lower)
    const archive = tarArchive(
      tarFile('a/layer.tar', packed),
      tarSymlink('b/layer.tar', '../a/layer.tar'),
      tarFile('config.json', configOf([sha256(lower), sha256(lower)], { Cmd: ['twice'] })),
      tarFile('manifest.json', JSON.stringify([{ Config: 'config.json', Layers: ['a/layer.tar', 'b/layer.tar'] }])),
    )
    const [loaded] = await loadImages(store, session, once(gzipSync(archive)), { env })
    expect(loaded?.names).toEqual([])
    expect(loaded?.image.layers).toHaveLength(2)
    expect((await store.find(loaded!.image.id))?.config.cmd).toEqual(['twice'])
  })

  test.each(['docker-archive', 'oci-archive', 'oci'] as const)('from what skopeo writes as %s', async (kind) => {
    const { store, session, env } = bench
    await loadImages(store, session, once(dockerArchive([lower, upper], { tags: ['made/for-skopeo:2'] })), { env })
    const target = bench.file(`skopeo-${kind}`)
    const name = kind === 'docker-archive' ? 'copied/by-skopeo:3' : 'docker.io/copied/by-skopeo:3'
    skopeo('copy', `oci:${store.home}/oci:docker.io/made/for-skopeo:2`, `${kind}:${target}:${name}`)
    const other = await ImageBench.start()
    try {
      const [loaded] = await loadImages(other.store, other.session, target, { env: other.env })
      expect(loaded?.names).toEqual(['docker.io/copied/by-skopeo:3'])
      expect(loaded?.image.layers.map(({ key }) => key)).toEqual([sha256(lower), sha256(upper)])
      const chosen = await loadImages(other.store, other.session, target, { env, reference: 'copied/by-skopeo:3' })
      expect(chosen).toHaveLength(1)
      const error = await errorOf(loadImages(other.store, other.session, target, { env, reference: 'nobody' }))
      expect(error).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' })
      expect(error.message).toContain('copied/by-skopeo:3')
    } finally {
      await other[Symbol.asyncDispose]()
    }
  })
})

describe('images are saved', () => {
  test.each(['docker-archive', 'oci-archive', 'oci-dir'] as const)(
    'as %s, and skopeo and we read it',
    async (format) => {
      const { store, session, env } = bench
      await loadImages(store, session, once(dockerArchive([lower, upper], { tags: ['save/me:1', 'save/me:2'] })), {
        env,
      })
      const to = bench.file(`saved-${format}`)
      await saveImages(store, session, ['save/me:1', 'save/me:2'], { to, format })
      const name = format === 'docker-archive' ? 'save/me:2' : 'docker.io/save/me:2'
      const inspected = JSON.parse(skopeo('inspect', `${format.replace('-dir', '')}:${to}:${name}`)) as object
      expect(inspected).toMatchObject({ Layers: [sha256(lower), sha256(upper)], Os: 'linux' })
      await using other = await ImageBench.start()
      const loaded = await loadImages(other.store, other.session, to, { env: other.env })
      expect(loaded.flatMap(({ names }) => names).sort()).toEqual(['docker.io/save/me:1', 'docker.io/save/me:2'])
      expect(loaded[0]?.image.id).toBe(store.lookup('save/me:1')?.id)
      expect(readdirSync(bench.path).filter((each) => each.includes('partial'))).toEqual([])
    },
  )

  test('and podman loads it, and we what podman saves', async ({ skip, onTestFinished }) => {
    const runtime = bench.file('podman-runtime')
    mkdirSync(runtime, { mode: 0o700 })
    const podman = (...args: string[]): string => {
      const storage = ['--root', bench.file('podman'), '--runroot', bench.file('podman-run'), '--storage-driver', 'vfs']
      const env = { ...process.env, XDG_RUNTIME_DIR: runtime }
      return execFileSync('podman', [...storage, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    }
    onTestFinished(() => endPause(join(runtime, 'libpod/tmp/pause.pid')))
    try {
      podman('info')
    } catch {
      skip('podman is missing or does not work here')
    }
    const { store, session, env } = bench
    await loadImages(store, session, once(dockerArchive([lower, upper], { tags: ['for/podman:1'] })), { env })
    await saveImages(store, session, ['for/podman:1'], { to: bench.file('for-podman.tar') })
    expect(podman('load', '-i', bench.file('for-podman.tar'))).toContain('docker.io/for/podman:1')
    expect(podman('inspect', '--format', '{{.Id}}', 'docker.io/for/podman:1').trim()).toBe(
      store.lookup('for/podman:1')?.id.slice(7),
    )
    podman('save', '-o', bench.file('by-podman.tar'), 'docker.io/for/podman:1')
    await using other = await ImageBench.start()
    const [loaded] = await loadImages(other.store, other.session, bench.file('by-podman.tar'), { env: other.env })
    expect(loaded).toMatchObject({ names: ['docker.io/for/podman:1'], image: { id: store.lookup('for/podman:1')?.id } })
    podman('rmi', '-af')
    const remove = ['rm', '-rf', bench.file('podman'), bench.file('podman-run')]
    if (process.getuid?.() === 0) execFileSync('rm', remove.slice(1))
    else podman('unshare', ...remove)
  })

  test('by an ID without a name, and what is unknown leaves no file', async () => {
    const { store, session, env } = bench
    const [loaded] = await loadImages(store, session, once(dockerArchive([lower])), { env })
    await saveImages(store, session, [loaded!.image.id], { to: bench.file('by-id.tar') })
    await using other = await ImageBench.start()
    const [again] = await loadImages(other.store, other.session, bench.file('by-id.tar'), { env: other.env })
    expect(again).toMatchObject({ names: [], image: { id: loaded!.image.id } })
    const error = await errorOf(saveImages(store, session, ['un/known'], { to: bench.file('unknown.tar') }))
    expect(error.code).toBe('ERR_IMAGE_NOT_FOUND')
    expect(readdirSync(bench.path)).not.toContain('unknown.tar')
  })
})

describe('a root file system is imported', () => {
  test('with a configuration made of instructions', async () => {
    const { store, session, env } = bench
    const root = bench.file('root')
    mkdirSync(join(root, 'bin'), { recursive: true })
    writeFileSync(join(root, 'bin/tool'), '#!/bin/sh\n', { mode: 0o755 })
    execFileSync('tar', ['--owner=0', '--group=0', '-czf', bench.file('root.tar.gz'), '-C', root, '.'])
    const changes = ['CMD ["/bin/tool", "-v"]', 'ENV A=1 B="two words"', 'EXPOSE 80 53/udp', 'USER 12:34']
    const { image } = await importImage(store, session, bench.file('root.tar.gz'), {
      ...{ reference: 'imported:1', changes, message: 'by a test', env },
    })
    expect(image.config).toMatchObject({
      ...{ cmd: ['/bin/tool', '-v'], env: ['A=1', 'B=two words'], exposedPorts: ['80/tcp', '53/udp'], user: '12:34' },
      history: [{ comment: 'by a test' }],
    })
    expect((await store.find('imported:1'))?.id).toBe(image.id)
    skopeo('inspect', `oci:${store.home}/oci:docker.io/library/imported:1`)
  })

  test('from a stream, and the same with the same time is the same image', async () => {
    const { store, session, env } = bench
    const bytes = tarArchive(tarFile('a', 'b'))
    const created = new Date(0)
    const first = await importImage(store, session, once(bytes), { created, env })
    const second = await importImage(store, session, once(bytes), { created, env })
    expect(first.image.id).toBe(second.image.id)
    expect(first.names).toEqual([])
  })

  test('only when it is whole', async () => {
    const { store, session, env } = bench
    const bytes = tarArchive(tarFile('a', 'b'), tarFile('c', 'd'))
    for (const size of [0, 100, 512, 600, 1024, 2048, 2560]) {
      const error = await errorOf(importImage(store, session, once(bytes.subarray(0, size)), { env }))
      expect(error, `cut at ${size}`).toMatchObject({ code: 'ERR_INVALID_ARCHIVE' })
    }
  })
})

describe('is refused:', () => {
  const config = configOf([sha256(lower)])
  const cases: [string, Buffer, string][] = [
    ['an archive of a root file system', tarArchive(...['bin', 'etc', 'usr'].map((d) => tarDirectory(`${d}/`))), 'ERR_INVALID_ARCHIVE'], // prettier-ignore
    ['an archive of something else', tarArchive(tarFile('a', 'b')), 'ERR_INVALID_ARCHIVE'],
    ['a layer that is not the one of the configuration', dockerArchive([upper], { config }), 'ERR_DIGEST_MISMATCH'],
    ['a configuration with another digest', dockerArchive([lower], { configName: `${'a'.repeat(64)}.json` }), 'ERR_DIGEST_MISMATCH'], // prettier-ignore
    ['a layer that is missing', dockerArchive([lower], { paths: ['nowhere'] }), 'ERR_INVALID_ARCHIVE'],
    ['a layer outside', dockerArchive([lower], { paths: ['../../../../etc/passwd'] }), 'ERR_UNSAFE_ARCHIVE'],
    ['an absolute layer that is not in it', dockerArchive([lower], { paths: ['/etc/passwd'] }), 'ERR_INVALID_ARCHIVE'],
    ['more layers than diff IDs', dockerArchive([lower, upper], { config }), 'ERR_INVALID_ARCHIVE'],
    ['a name that is none', dockerArchive([lower], { tags: ['UPPER/case'] }), 'ERR_INVALID_REFERENCE'],
    ['a link in a circle', tarArchive(tarSymlink('manifest.json', 'manifest.json')), 'ERR_INVALID_ARCHIVE'],
    ['manifest.json that is no JSON', tarArchive(tarFile('manifest.json', '{')), 'ERR_INVALID_IMAGE'],
    ['a layer that is no tar', dockerArchive([Buffer.from('x'.repeat(2000))]), 'ERR_INVALID_ARCHIVE'],
  ]

  test.each(cases)('%s', async (_, archive, code) => {
    const { store, session, env } = bench
    const before = store.table.all().map(({ id }) => id)
    const error = await errorOf(loadImages(store, session, once(archive), { env }))
    expect(error).toMatchObject({ code, hint: expect.any(String) as string })
    expect(store.table.all().map(({ id }) => id)).toEqual(before)
  })

  test('an archive that is cut anywhere', async () => {
    const { store, session, env } = bench
    const archive = dockerArchive([lower], { tags: ['cut/off:1'] })
    for (let size = 0; size < archive.length - 1024; size += 700) {
      const error = await errorOf(loadImages(store, session, once(archive.subarray(0, size)), { env }))
      expect(error.code, `cut at ${size}`).toBe('ERR_INVALID_ARCHIVE')
    }
    expect(store.lookup('cut/off:1')).toBeUndefined()
  })

  test('a path that is not there, and an aborted load', async () => {
    const { store, session, env } = bench
    expect(await errorOf(loadImages(store, session, '/no/such', { env }))).toMatchObject({ code: 'ERR_SOURCE_MISSING' })
    writeFileSync(bench.file('abort.tar'), dockerArchive([lower]))
    const signal = AbortSignal.abort()
    const load = loadImages(store, session, bench.file('abort.tar'), { env, signal })
    expect(await errorOf(load)).toMatchObject({ code: 'ERR_ABORTED' })
  })
})
