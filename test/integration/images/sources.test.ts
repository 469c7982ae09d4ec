import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImageSource } from '../../../src/images/image-source.ts'
import { createContainer } from '../../../src/containers/create-container.ts'
import { Session } from '../../../src/rootless/session.ts'
import { errorOf } from '../../support/containers.ts'
import { imageOf, type ServedImage } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench, PullStore } from '../../support/pull-bench.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const run = promisify(execFile)
const left = watchLeftovers()
let bench: PullBench
let made: readonly ServedImage[]

beforeAll(async () => {
  bench = await PullBench.start()
  made = ['one', 'two'].map((name) => imageOf([tarArchive(tarFile('base', 'base')), tarArchive(tarFile('name', name))]))
  for (const [at, name] of ['one', 'two'].entries()) {
    const from = `docker://${bench.registry.serve(`sources/${name}:1`, made[at]!)}`
    for (const [to, file] of [
      ['docker-archive', 'docker.tar'],
      ['oci-archive', 'oci.tar'],
      ['oci', 'layout'],
    ] as const) {
      if (at === 1 && to !== 'oci') continue
      const target = `${to}:${join(bench.path, file)}:${to === 'oci' ? name : `sources/${name}:1`}`
      // Not synchronously: the registry is in this process.
      await run('skopeo', ['--insecure-policy', 'copy', '-q', '--src-tls-verify=false', '--src-no-creds', from, target])
    }
  }
  const tar = tarArchive(tarFile('etc/os-release', 'ID=test\n'))
  writeFileSync(join(bench.path, 'root.tar'), tar)
  writeFileSync(join(bench.path, 'root.tar.gz'), gzipSync(tar))
  execFileSync('zstd', ['-q', join(bench.path, 'root.tar'), '-o', join(bench.path, 'root.tar.zst')])
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const at = (name: string): string => join(bench.path, name)

describe('an image comes from', () => {
  const sources: readonly (readonly [string, () => ImageSource, string])[] = [
    ['a docker archive', () => ({ archive: at('docker.tar') }), 'name'],
    ['an OCI archive', () => ({ archive: at('oci.tar') }), 'name'],
    ['an OCI layout', () => ({ oci: at('layout'), reference: 'one' }), 'name'],
    ['a root file system', () => ({ tar: at('root.tar') }), 'etc/os-release'],
    ['one packed by gzip', () => ({ tar: at('root.tar.gz') }), 'etc/os-release'],
    ['one packed by zstd', () => ({ tar: at('root.tar.zst') }), 'etc/os-release'],
  ]
  test.each(sources)('%s, which is read once', async (_, source, file) => {
    const to = bench.fresh()
    const image = await to.ensure(source())
    expect(readFileSync(join(image.layers.at(-1)!.directory, file), 'utf8')).toMatch(/^(one|ID=test\n)$/)
    const events = to.events.length
    const began = performance.now()
    expect(await to.ensure(source())).toEqual(image)
    expect(performance.now() - began).toBeLessThan(50)
    expect(to.events).toHaveLength(events)
    // Another process with the same store, and with an empty one, gets the same image.
    await using other = await Session.start()
    expect((await new PullStore(other, to.env).ensure(source())).id).toBe(image.id)
    expect((await bench.fresh().ensure(source())).id).toBe(image.id)
    expect(to.temporary()).toEqual([])
  })
})

test('a file that changed is read again, also when it was replaced by one of the same size and time', async () => {
  const [path, next] = [at('changing.tar'), at('changing.tar.new')]
  const to = bench.fresh()
  writeFileSync(path, tarArchive(tarFile('file', 'one')))
  const { mtime } = statSync(path)
  const first = await to.ensure({ tar: path })
  writeFileSync(next, tarArchive(tarFile('file', 'two')))
  utimesSync(next, mtime, mtime)
  renameSync(next, path)
  const second = await to.ensure({ tar: path })
  expect(second.id).not.toBe(first.id)
  expect(readFileSync(join(second.layers[0]!.directory, 'file'), 'utf8')).toBe('two')
})

test('what was pruned is read again', async () => {
  const to = bench.fresh()
  const image = await to.ensure({ tar: at('root.tar') })
  await to.store.prune()
  expect(await to.store.find(image.id)).toBeUndefined()
  expect((await to.ensure({ tar: at('root.tar') })).id).toBe(image.id)
})

test('of several images one has to be named, and nothing is read before', async () => {
  const to = bench.fresh()
  await to.store.sweep()
  const before = to.listing()
  const several = await errorOf(to.ensure({ oci: at('layout') }))
  expect(several).toMatchObject({
    code: 'ERR_IMAGE_NOT_FOUND',
    image: at('layout'),
    phase: expect.any(String) as string,
  })
  expect(several.hint).toMatch(/one.*two/)
  const none = await errorOf(to.ensure({ oci: at('layout'), reference: 'three' }))
  expect(none).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' })
  expect(none.message).toMatch(/one.*two/)
  expect(to.listing()).toEqual(before)
  const names = await Promise.all(
    ['one', 'two'].map(async (reference) => {
      const { layers } = await to.ensure({ oci: at('layout'), reference })
      return readFileSync(join(layers[1]!.directory, 'name'), 'utf8')
    }),
  )
  expect(names).toEqual(['one', 'two'])
})

test('what cannot be read is told with its path, and leaves nothing', async () => {
  const to = bench.fresh()
  await to.store.sweep()
  const before = to.listing()
  const bytes = readFileSync(at('docker.tar'))
  writeFileSync(at('cut.tar'), bytes.subarray(0, bytes.length >> 1))
  writeFileSync(at('text.tar'), 'not a tar file at all'.repeat(100))
  copyFileSync(at('root.tar'), at('renamed.tar'))
  const bad: readonly (readonly [ImageSource, string])[] = [
    [{ archive: at('missing.tar') }, 'ERR_SOURCE_MISSING'],
    [{ oci: at('missing') }, 'ERR_SOURCE_MISSING'],
    [{ tar: at('missing.tar') }, 'ERR_SOURCE_MISSING'],
    [{ archive: `${at('root.tar')}/x` }, 'ERR_SOURCE_MISSING'],
    [{ archive: at('cut.tar') }, 'ERR_INVALID_ARCHIVE'],
    [{ archive: at('text.tar') }, 'ERR_INVALID_ARCHIVE'],
    [{ tar: at('text.tar') }, 'ERR_INVALID_ARCHIVE'],
    [{ tar: at('cut.tar') }, 'ERR_INVALID_ARCHIVE'],
    [{ archive: at('renamed.tar') }, 'ERR_INVALID_ARCHIVE'],
    [{ tar: bench.path }, 'ERR_SOURCE_MISSING'],
    [{ oci: bench.path }, 'ERR_INVALID_ARCHIVE'],
  ]
  for (const [source, code] of bad) {
    const error = await errorOf(to.ensure(source))
    expect({ source, error }).toMatchObject({ source, error: { code, image: Object.values(source)[0] as string } })
    expect(error.phase).toBeDefined()
    expect(error.hint).toMatch(/^[A-Z]/)
    expect(error.elapsed).toBeGreaterThanOrEqual(0)
    expect(to.listing()).toEqual(before)
  }
})

test('a container runs from an archive of a real root file system', async () => {
  const root = at('busybox')
  execFileSync('sh', ['-c', `mkdir -p ${root}/bin && cp "$(command -v busybox)" ${root}/bin/ && ln -s busybox ${root}/bin/cat && echo hello > ${root}/greeting && tar -C ${root} -czf ${root}.tar.gz .`]) // prettier-ignore
  const to = bench.fresh()
  const around = { session: bench.session, env: to.env, cwd: '/', began: performance.now() }
  await using container = await createContainer(
    { image: { tar: `${root}.tar.gz` }, command: ['/bin/cat', '/greeting'], attach: false },
    around,
  )
  expect(await container.wait()).toMatchObject({ exitCode: 0 })
  expect((await container.logs()).output).toBe('hello\n')
})
