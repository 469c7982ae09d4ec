import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, isSingleId } from '../../support/containers.ts'
import { layerBlob, LayerBench } from '../../support/layers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { cannotRunScripts, runScript } from '../../support/scripts.ts'
import {
  tarArchive,
  tarDirectory,
  tarEntry,
  tarFile,
  tarHardLink,
  tarPax,
  tarSymlink,
} from '../../support/tar-builder.ts'

const left = watchLeftovers()
const built = new URL('../../../dist/src/', import.meta.url)
let bench: LayerBench

beforeAll(async () => {
  bench = await LayerBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')

const sample = tarArchive(
  tarDirectory('./', { mode: 0o750, mtime: 1_600_000_000 }),
  tarDirectory('etc/', { mtime: 1_600_000_001 }),
  tarFile('etc/motd', 'hello\n', { mode: 0o4755, uid: 12, gid: 34, mtime: 1_600_000_002 }),
  tarSymlink('etc/link', '/etc/motd'),
  tarHardLink('etc/hard', 'etc/motd'),
  tarFile('etc/.wh.gone', ''),
  tarFile('opaque/.wh..wh..opq', ''),
  tarFile('opaque/inside', 'x'),
  tarEntry({ name: 'dev/console', type: '3', major: 5, minor: 1 }),
  tarEntry({ name: 'pipe', type: '6', mode: 0o600 }),
  tarPax([
    ['SCHILY.xattr.security.capability', capability],
    ['SCHILY.xattr.user.note', 'hello'],
    ['mtime', '1600000003.5'],
  ]),
  tarFile('bin/ping', 'elf', { mode: 0o755 }),
  tarFile('big', Buffer.alloc(3_000_000, 'big')),
)

describe('a layer is unpacked', () => {
  test.each(['none', 'gzip'] as const)('with compression %s', async (compression) => {
    const { directory, summary } = await bench.unpack(layerBlob(sample, compression), { flattenOwners: isSingleId })
    expect(summary).toMatchObject({ rootMode: 0o750, devices: ['dev/console'], warnings: [], markedByFiles: false })
    expect(summary.bytes).toBe(3_000_000 + 6 + 1 + 3)
    const files = await bench.read(directory)
    expect([...files.keys()].sort()).toEqual(
      ['', 'big', 'bin', 'bin/ping', 'etc', 'etc/gone', 'etc/hard', 'etc/link', 'etc/motd'].concat(
        ['opaque', 'opaque (opaque)', 'opaque/inside', 'pipe'], // prettier-ignore
      ),
    )
    const owner = isSingleId ? { uid: 0, gid: 0, mode: 0o755 } : { uid: 12, gid: 34, mode: 0o4755 }
    // Which name is the file and which the link is the reader's choice.
    const both = [files.get('etc/motd'), files.get('etc/hard')]
    expect(both.map((each) => each?.kind).sort()).toEqual(['file', 'hardlink'])
    expect(both.find((each) => each?.kind === 'file')).toMatchObject({
      ...owner,
      content: 'hello\n',
      mtime: 1_600_000_002,
    })
    expect(files.get('etc/link')).toMatchObject({ kind: 'symlink', link: '/etc/motd' })
    expect(files.get('etc/gone')).toMatchObject({ kind: 'whiteout' })
    expect(files.get('etc')).toMatchObject({ kind: 'directory', mtime: 1_600_000_001 })
    expect(files.get('bin/ping')).toMatchObject({ mtime: 1_600_000_003, mtimeNs: 500_000_000, content: 'elf' })
    expect(files.get('bin/ping')?.xattrs.get('security.capability')).toEqual(capability)
    expect(files.get('bin/ping')?.xattrs.get('user.note')?.toString()).toBe('hello')
    expect(files.get('big')?.content.length).toBe(3_000_000)
  })

  test('and its progress is told', async () => {
    const done: number[] = []
    const blob = layerBlob(tarArchive(tarFile('a', Buffer.alloc(20_000_000))), 'none')
    await bench.unpack(blob, { onProgress: (bytes) => done.push(bytes) })
    expect(done.length).toBeGreaterThan(0)
    expect(done).toEqual([...done].sort((a, b) => a - b))
  })

  test('with names that are not UTF-8, and says so', async () => {
    const { summary } = await bench.unpack(layerBlob(tarArchive(tarEntry({ name: Buffer.from('caf\xe9', 'latin1') }))))
    expect(summary.warnings).toEqual([expect.stringContaining('1 names are not UTF-8')])
  })

  test('of nothing at all', async () => {
    const { summary } = await bench.unpack(layerBlob(tarArchive()))
    expect(summary).toMatchObject({ entries: 0, bytes: 0 })
  })
})

describe('a layer is refused', () => {
  test('whose digest is not that of the configuration', async () => {
    const blob = { ...layerBlob(sample), diffId: `sha256:${'0'.repeat(64)}` }
    const error = await errorOf(bench.unpack(blob, { flattenOwners: isSingleId }))
    expect(error).toMatchObject({ code: 'ERR_DIGEST_MISMATCH', phase: 'unpack' })
    expect(error.message.match(/Hint:/g)).toHaveLength(1)
  })

  test('whose media type is not what it is', async () => {
    const blob = { ...layerBlob(sample, 'gzip'), mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }
    expect(await errorOf(bench.unpack(blob))).toMatchObject({ code: 'ERR_INVALID_IMAGE' })
  })

  test('that goes over a limit of its own, or of the environment', async () => {
    const many = layerBlob(tarArchive(...Array.from({ length: 50 }, (_, index) => tarFile(`f${index}`))))
    for (const options of [{ limits: { entries: 20 } }, { env: { AIRPLANT_UNPACK_LIMITS: 'entries=20' } }]) {
      const error = await errorOf(bench.unpack(many, options))
      expect(error).toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' })
      expect(error.hint).toMatch(/limits\.entries/)
    }
  })

  test('when it is a gzip bomb', async () => {
    const bomb = layerBlob(tarArchive(tarFile('zeros', Buffer.alloc(64 * 2 ** 20))), 'gzip')
    const error = await errorOf(bench.unpack(bomb, { limits: { ratioFrom: 2 ** 20 } }))
    expect(error).toMatchObject({ code: 'ERR_ARCHIVE_LIMIT', hint: expect.stringContaining('limits.ratio') as string })
  })
})

test('an abort ends an unpack at once', async () => {
  const controller = new AbortController()
  const blob = layerBlob(tarArchive(tarFile('a', Buffer.alloc(150 * 2 ** 20))))
  const begun = performance.now()
  const unpack = bench.unpack(blob, { signal: controller.signal, onProgress: () => controller.abort() })
  expect(await errorOf(unpack)).toMatchObject({ code: 'ERR_ABORTED', phase: 'unpack' })
  expect(performance.now() - begun).toBeLessThan(5000)
  expect(await errorOf(bench.unpack(blob, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'ERR_ABORTED' })
})

test('two layers at once end as one does, and their threads end by themselves', async () => {
  const large = layerBlob(tarArchive(tarFile('a', randomBytes(12 * 2 ** 20))))
  const summaries = await Promise.all([bench.unpack(large), bench.unpack(large)])
  expect(summaries.map(({ summary }) => summary.bytes)).toEqual([12 * 2 ** 20, 12 * 2 ** 20])
  const threads = (): number => readdirSync('/proc/self/task').length
  const busy = threads()
  await expect.poll(threads, { timeout: 5000 }).toBeLessThan(busy)
})

test('a program that has unpacked ends when it has nothing else to do', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const blob = layerBlob(tarArchive(tarFile('a', randomBytes(5 * 2 ** 20))))
  const { stdout } = await runScript(`
    const { Session } = await import(${JSON.stringify(new URL('rootless/session.js', built).href)})
    const { unpackLayer } = await import(${JSON.stringify(new URL('images/layers/unpack-layer.js', built).href)})
    const session = await Session.start()
    const blob = ${JSON.stringify({ path: bench.file(blob.bytes), diffId: blob.diffId })}
    const { entries } = await unpackLayer(session, blob, ${JSON.stringify(bench.directory())})
    const done = performance.now()
    process.on('exit', () => console.log(entries, performance.now() - done < 900))
  `)
  expect(stdout.trim()).toBe('1 true')
})

test('no sockets of file workers stay behind', () => {
  expect(existsSync(bench.session.directory)).toBe(true)
  expect(readdirSync(bench.session.directory).filter((name) => name.startsWith('files-'))).toEqual([])
})
