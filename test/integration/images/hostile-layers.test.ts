import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAirplantError } from '../../../src/errors.ts'
import { giveTo } from '../../support/give-to.ts'
import { layerBlob, LayerBench } from '../../support/layers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import {
  tarArchive,
  tarDirectory,
  tarEntry,
  tarFile,
  tarHardLink,
  tarHeader,
  tarLongName,
  tarPax,
  tarSymlink,
} from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: LayerBench
/** A directory beside the layers', which every attack tries to change. */
let victim: string

beforeAll(async () => {
  bench = await LayerBench.start()
  victim = join(bench.path, 'victim')
  mkdirSync(join(victim, 'directory'), { recursive: true })
  writeFileSync(join(victim, 'secret'), 'secret')
  writeFileSync(join(victim, 'directory/file'), 'precious')
  for (const path of ['', 'directory', 'secret', 'directory/file']) giveTo(bench.session, join(victim, path))
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

/** Everything about the victim and the names beside it. */
function outside(): string {
  const hash = createHash('sha256')
  const walk = (path: string): void => {
    const stat = lstatSync(path)
    hash.update(`${path} ${stat.mode} ${stat.uid} ${stat.gid} ${stat.nlink} ${stat.mtimeMs} ${stat.ctimeMs}\n`)
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path))
    else if (stat.isFile()) hash.update(readFileSync(path))
    else for (const name of readdirSync(path).sort()) walk(join(path, name))
  }
  walk(victim)
  return hash.digest('hex')
}

interface Outcome {
  /** Code of the error, or undefined. */
  code: string | undefined
  files: Map<string, { kind: string; content: string; mode: number; link: string }>
}

async function attack(...parts: Buffer[]): Promise<Outcome> {
  const before = outside()
  const beside = readdirSync(bench.path).filter((name) => !/^(layer|blob)-/.test(name))
  let outcome: Outcome = { code: undefined, files: new Map() }
  try {
    const { directory } = await bench.unpack(layerBlob(tarArchive(...parts)), { flattenOwners: true })
    outcome = { code: undefined, files: await bench.read(directory) }
  } catch (error) {
    if (!isAirplantError(error)) throw error
    outcome = { code: error.code, files: new Map() }
    expect(error.hint).toBeTruthy()
  }
  expect(outside()).toBe(before)
  expect(readdirSync(bench.path).filter((name) => !/^(layer|blob)-/.test(name))).toEqual(beside)
  return outcome
}

const up = '../'.repeat(12)

describe('names that lead out are refused', () => {
  test.each([
    ['..', tarFile('../victim/secret', 'x')],
    ['.. in the middle', tarFile('a/../../victim/secret', 'x')],
    ['.. of a directory', tarDirectory('../victim/')],
    ['.. in a PAX path', Buffer.concat([tarPax([['path', '../victim/secret']]), tarFile('harmless', 'x')])], // prettier-ignore
    ['.. in a GNU long name', Buffer.concat([tarLongName('../victim/secret'), tarFile('harmless', 'x')])],
    ['.. in the prefix', tarFile('secret', 'x', { prefix: '../victim' })],
    ['.. in the name of a sparse file', Buffer.concat([tarPax([['GNU.sparse.name', '../victim/secret'], ['GNU.sparse.size', '1'], ['GNU.sparse.map', '0,1']]), tarFile('a', 'x')])], // prettier-ignore
    ['.. of a whiteout', tarFile('../victim/.wh.secret')],
    ['a whiteout of ..', tarFile('a/.wh...')],
    ['a hard link to ..', tarHardLink('link', '../victim/secret')],
    ['a hard link by a PAX path', Buffer.concat([tarPax([['linkpath', '../victim/secret']]), tarHardLink('link', 'a')])], // prettier-ignore
  ])('%s', async (_, bytes) => {
    expect((await attack(bytes)).code).toBe('ERR_UNSAFE_ARCHIVE')
  })

  test('absolute ones are meant within the layer', async () => {
    const { code, files } = await attack(tarFile('/etc/passwd', 'x'), tarHardLink('/link', '/etc/passwd'))
    expect(code).toBeUndefined()
    expect(files.has('etc/passwd') && files.has('link')).toBe(true)
  })
})

describe('links lead nowhere outside', () => {
  test('a symlink, then a file below it', async () => {
    for (const target of [
      `${up}${victim.slice(1)}`,
      victim,
      '../victim',
      '/..',
      '/proc/self/root',
      '/proc/self/cwd/..',
    ]) {
      const { code, files } = await attack(tarSymlink('out', target), tarFile('out/secret', 'overwritten'))
      if (code === undefined) expect([...files.values()].map(({ content }) => content)).toContain('overwritten')
    }
  })

  test('a symlink in the place of a file that is then written, or whose mode is set', async () => {
    const { files } = await attack(tarSymlink('a', `${victim}/secret`), tarFile('a', 'mine', { mode: 0o777 }))
    expect(files.get('a')).toMatchObject({ kind: 'file', content: 'mine' })
    const second = await attack(tarDirectory('d/'), tarSymlink('d', victim), tarDirectory('d/', { mode: 0o777 }))
    expect(second.code === undefined || second.code.startsWith('ERR_')).toBe(true)
  })

  test('a parent that is replaced by a symlink', async () => {
    await attack(tarDirectory('a/'), tarFile('a/x', '1'), tarSymlink('a', victim), tarFile('a/secret', 'overwritten'))
    await attack(tarDirectory('a/b/'), tarSymlink('a', `${up}${victim.slice(1)}`), tarFile('a/directory/file', 'x'))
  })

  test('chains of links, as tar-fs followed them', async () => {
    await attack(
      tarSymlink('a', '.'),
      tarSymlink('a/b', '..'),
      tarSymlink('a/b/c', '../..'),
      tarSymlink('b/d', `c/${up}${victim.slice(1)}`),
      tarFile('b/d/secret', 'x'),
      tarHardLink('e', 'b/d/secret'),
      tarFile('e', 'overwritten'),
    )
    await attack(tarSymlink('x', victim), tarHardLink('y', 'x/secret'), tarFile('y', 'overwritten'))
    await attack(tarSymlink('x', `${victim}/secret`), tarHardLink('y', 'x'), tarFile('y', 'overwritten'))
    await attack(tarHardLink('self', '/proc/self/exe'), tarFile('self', 'overwritten'))
  })

  test('links in a circle', async () => {
    const { code } = await attack(tarSymlink('a', 'b'), tarSymlink('b', 'a'), tarFile('a/x', 'y'))
    expect(code).toMatch(/^ERR_/)
  })

  test('a whiteout below a link to the outside', async () => {
    await attack(tarSymlink('out', victim), tarFile('out/.wh.secret'), tarFile('out/.wh..wh..opq'))
  })

  test('names that differ in case or in the form of an accent are different files', async () => {
    const { code, files } = await attack(
      tarSymlink('Out', victim),
      tarDirectory('out/'),
      tarFile('out/secret', 'mine'),
      tarSymlink('caf\u00e9', victim),
      tarDirectory('cafe\u0301/'),
      tarFile('cafe\u0301/secret', 'mine'),
    )
    expect(code).toBeUndefined()
    expect(files.get('out/secret')?.content).toBe('mine')
    expect(files.get('cafe\u0301/secret')?.content).toBe('mine')
  })
})

describe('attributes', () => {
  test('cannot forge what overlayfs writes', async () => {
    const forged = tarPax([
      ['SCHILY.xattr.user.overlay.opaque', 'y'],
      ['SCHILY.xattr.trusted.overlay.redirect', '/etc'],
      ['SCHILY.xattr.user.overlay.whiteout', ''],
    ])
    const { code, files } = await attack(Buffer.concat([forged, tarDirectory('d/')]))
    expect(code).toBeUndefined()
    expect([...files.keys()].filter((path) => path.includes('(opaque)'))).toEqual([])
  })

  test('a device node is no file, and 0/0 no whiteout', async () => {
    const { files } = await attack(
      tarEntry({ name: 'sda', type: '4', major: 8, minor: 0 }),
      tarEntry({ name: 'hidden', type: '3', major: 0, minor: 0 }),
    )
    expect([...files.keys()]).toEqual([''])
  })
})

describe('too much', () => {
  test('of depth', async () => {
    expect((await attack(tarLongName('d/'.repeat(1000)), tarDirectory('x/'))).code).toBe('ERR_ARCHIVE_LIMIT')
    const steps = Array.from({ length: 250 }, (_, index) => [tarLongName('d/'.repeat(index + 1)), tarDirectory('x/')])
    const { code, files } = await attack(...steps.flat())
    expect(code).toBeUndefined()
    expect(files.size).toBe(251)
    expect((await attack(tarLongName('d/'.repeat(250)), tarDirectory('x/'))).code).toBe('ERR_UNSAFE_ARCHIVE')
  })

  test('of a PAX header', async () => {
    const bomb = Buffer.concat([tarHeader({ name: 'x', type: 'x', size: 2 ** 31 }), Buffer.alloc(100_000, 'x')])
    expect((await attack(bomb)).code).toBe('ERR_ARCHIVE_LIMIT')
    const xattrs = Array.from({ length: 60 }, (_, index) => [`SCHILY.xattr.user.${index}`, 'v'.repeat(60_000)] as const)
    expect((await attack(tarPax(xattrs), tarFile('a'))).code).toBe('ERR_ARCHIVE_LIMIT')
  })

  test('of a size that the header promises and nobody sends', async () => {
    expect((await attack(tarHeader({ name: 'a', size: 0o77777777777 }))).code).toBe('ERR_INVALID_ARCHIVE')
  })

  test('a million entries from a kilobyte', async () => {
    const entries = gzipSync(tarArchive(...Array.from({ length: 20_000 }, () => tarFile('same', ''))))
    const blob = {
      ...layerBlob(tarArchive()),
      bytes: entries,
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    }
    const limits = { entries: 10_000 }
    await expect(bench.unpack(blob, { limits })).rejects.toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' })
  })
})

test('a layer that is cut anywhere is refused', async () => {
  const archive = tarArchive(tarDirectory('d/'), tarFile('d/f', 'x'.repeat(2000)), tarSymlink('l', 'd/f'))
  const { diffId } = layerBlob(archive)
  for (let size = 0; size < archive.length; size += 300) {
    const blob = { ...layerBlob(archive.subarray(0, size)), diffId }
    await expect(bench.unpack(blob), `cut at ${size}`).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(INVALID_ARCHIVE|DIGEST_MISMATCH)$/) as string,
    })
  }
  const packed = gzipSync(archive)
  for (let size = 1; size < packed.length; size += 7) {
    const blob = { ...layerBlob(archive, 'gzip'), bytes: packed.subarray(0, size) }
    await expect(bench.unpack(blob)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) as string })
  }
})
