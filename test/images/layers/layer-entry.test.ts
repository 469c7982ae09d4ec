import { describe, expect, test } from 'vitest'
import { layerEntry, plainEntry } from '../../../src/images/layers/layer-entry.ts'
import { layerTarEntry } from '../../../src/images/layers/layer-tar-entry.ts'
import type { TarEntry } from '../../../src/images/tar/tar-entry.ts'

const plain: TarEntry = {
  ...{ type: 'file', name: 'file', linkName: '', mode: 0o644, uid: 1, gid: 2, size: 3 },
  ...{ mtime: 4, mtimeNs: 5, major: 0, minor: 0, xattrs: new Map() },
}

function entryOf(change: Partial<TarEntry>): ReturnType<typeof layerEntry> {
  return layerEntry({ ...plain, ...change }, 256)
}

const unsafe = expect.objectContaining({ code: 'ERR_UNSAFE_ARCHIVE' })
const overLimit = expect.objectContaining({ code: 'ERR_ARCHIVE_LIMIT' })

describe('names', () => {
  test.each([
    ['usr/bin/tool', 'usr/bin/tool'],
    ['./usr/bin', 'usr/bin'],
    ['/usr//bin/./tool/', 'usr/bin/tool'],
    ['.hidden', '.hidden'],
    ['a..b/...', 'a..b/...'],
    ['größe', 'größe'],
    ['-rf *', '-rf *'],
    ['a\nb', 'a\nb'],
  ])('%j is the path %j', (name, path) => {
    expect(entryOf({ name })?.path).toBe(path)
  })

  test.each(['..', '../x', 'a/../b', '/..', 'a/..', './../x', 'a/b/../../../etc/passwd'])('%j is refused', (name) => {
    expect(() => entryOf({ name })).toThrow(unsafe)
  })

  test('with a NUL are refused', () => {
    expect(() => entryOf({ name: 'a\0b' })).toThrow(unsafe)
  })

  test('of the root are for directories only', () => {
    for (const name of ['', '/', './', '.']) {
      expect(entryOf({ name, type: 'directory' })).toMatchObject({ kind: 'directory', path: '' })
      expect(() => entryOf({ name })).toThrow(unsafe)
      expect(() => entryOf({ name, type: 'symlink', linkName: '/' })).toThrow(unsafe)
    }
  })

  test('deeper or longer than the limits are refused', () => {
    expect(entryOf({ name: 'd/'.repeat(256) })?.path.length).toBe(511)
    expect(() => entryOf({ name: 'd/'.repeat(257) })).toThrow(overLimit)
    expect(entryOf({ name: 'n'.repeat(255) })).toBeDefined()
    expect(() => entryOf({ name: 'n'.repeat(256) })).toThrow(overLimit)
    expect(() => entryOf({ name: 'ü'.repeat(128) })).toThrow(overLimit)
    expect(() => entryOf({ name: `${'n'.repeat(250)}/`.repeat(17) })).toThrow(overLimit)
    expect(() => layerEntry({ ...plain, name: 'a/b/c' }, 2)).toThrow(overLimit)
  })
})

describe('links', () => {
  test('say of symlinks what they say, and of hard links a path', () => {
    expect(entryOf({ type: 'symlink', linkName: '../../etc/passwd' })).toMatchObject({ link: '../../etc/passwd' })
    expect(entryOf({ type: 'hardlink', linkName: '/./usr//x' })).toMatchObject({ link: 'usr/x' })
  })

  test.each(['..', '../../etc/shadow', 'a/../../b', '/', ''])('that are hard to %j are refused', (linkName) => {
    expect(() => entryOf({ type: 'hardlink', linkName })).toThrow(unsafe)
  })
})

describe('whiteouts', () => {
  test('hide a name, or all in a directory', () => {
    expect(entryOf({ name: 'a/.wh.b' })).toMatchObject({ kind: 'whiteout', path: 'a/b', size: 0 })
    expect(entryOf({ name: './.wh.b' })).toMatchObject({ kind: 'whiteout', path: 'b' })
    expect(entryOf({ name: 'a/.wh..wh..opq' })).toMatchObject({ kind: 'opaque', path: 'a' })
    expect(entryOf({ name: '.wh..wh..opq' })).toMatchObject({ kind: 'opaque', path: '' })
    expect(entryOf({ name: 'a/.wh..hidden' })).toMatchObject({ kind: 'whiteout', path: 'a/.hidden' })
  })

  test('of AUFS itself mean nothing', () => {
    for (const name of ['.wh..wh.aufs', '.wh..wh.orph/', '.wh..wh.plnk/1.2', 'a/.wh..wh.plnk']) {
      expect(entryOf({ name })).toBeUndefined()
    }
  })

  test.each(['.wh.', 'a/.wh.', '.wh..', 'a/.wh...'])('that would hide no file are refused: %j', (name) => {
    expect(() => entryOf({ name })).toThrow(unsafe)
  })

  test('mean nothing where the archive is no layer', () => {
    expect(plainEntry({ ...plain, name: 'a/.wh.b' }, 256)).toMatchObject({ kind: 'file', path: 'a/.wh.b' })
  })

  test('get their names back', () => {
    for (const name of ['a/.wh.b', '.wh.b', 'a/.wh..wh..opq', '.wh..wh..opq']) {
      expect(layerTarEntry(entryOf({ name })!, false)).toMatchObject({ type: 'file', name, size: 0 })
    }
  })
})

test('devices have one number, and two again', () => {
  const device = entryOf({ type: 'block', major: 259, minor: 70_000 })!
  expect(device.device).toBe(259 * 2 ** 20 + 70_000)
  expect(layerTarEntry(device, false)).toMatchObject({ major: 259, minor: 70_000 })
})

test('sockets are in no archive, and fractions only where they are asked for', () => {
  const entry = entryOf({})!
  expect(layerTarEntry({ ...entry, kind: 'socket' }, false)).toBeUndefined()
  expect(layerTarEntry(entry, false)?.mtimeNs).toBe(0)
  expect(layerTarEntry(entry, true)?.mtimeNs).toBe(5)
})
