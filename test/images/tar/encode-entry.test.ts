import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { encodeEntry, padding } from '../../../src/images/tar/encode-entry.ts'
import type { TarEntry } from '../../../src/images/tar/tar-entry.ts'
import { END } from '../../support/tar-builder.ts'
import { readArchive } from './read-events.ts'

const plain: TarEntry = {
  ...{ type: 'file', name: 'file', linkName: '', mode: 0o644, uid: 0, gid: 0, size: 0 },
  ...{ mtime: 1_700_000_000, mtimeNs: 0, major: 0, minor: 0, xattrs: new Map() },
}

const cases: [string, Partial<TarEntry>][] = [
  ['a plain file', {}],
  ['a name of 100 bytes', { name: 'n'.repeat(100) }],
  ['a name of 101 bytes', { name: 'n'.repeat(101) }],
  ['a name that fits with a prefix', { name: `${'p'.repeat(150)}/${'n'.repeat(100)}` }],
  ['a name that does not', { name: `${'p'.repeat(156)}/${'n'.repeat(100)}` }],
  ['a long directory that ends in its slash', { type: 'directory', name: `${'d'.repeat(100)}/` }],
  ['a directory of 255 bytes', { type: 'directory', name: `${'p'.repeat(155)}/${'n'.repeat(99)}/` }],
  ['a name that is no ASCII', { name: 'größe/日本語' }],
  ['a long link', { type: 'symlink', linkName: '../'.repeat(60) }],
  ['a link that is no ASCII', { type: 'hardlink', linkName: 'größe' }],
  ['large owners', { uid: 2_097_152, gid: 4_294_967_294 }],
  ['a time before 1970', { mtime: -5, mtimeNs: 0 }],
  ['a fraction before 1970', { mtime: -5, mtimeNs: 250_000_000 }],
  ['a fraction', { mtimeNs: 1 }],
  ['a time in 3000', { mtime: 32_503_680_000 }],
  ['a device', { type: 'block', major: 259, minor: 1_048_575 }],
  ['a fifo', { type: 'fifo', mode: 0o4755 }],
  ['attributes', { xattrs: new Map([['user.a', Buffer.from([0, 10, 61, 255])], ['security.capability', Buffer.alloc(20, 9)]]) }], // prettier-ignore
]

describe('what is encoded is read again', () => {
  test.each(cases)('%s', (_, change) => {
    const entry = { ...plain, ...change }
    const [read] = readArchive(Buffer.concat([encodeEntry(entry), END]))
    expect(read).toEqual({ ...entry, xattrs: new Map([...entry.xattrs].sort()), content: Buffer.alloc(0), holes: 0 })
  })

  test('a size over 8 GiB', () => {
    const bytes = encodeEntry({ ...plain, size: 10 * 2 ** 30 })
    expect(bytes.length).toBe(3 * 512)
    expect(bytes.toString('latin1')).toContain(' size=10737418240\n')
  })
})

test('GNU tar reads it', () => {
  const archive = Buffer.concat([...cases.map(([, change]) => encodeEntry({ ...plain, ...change })), END])
  const list = execFileSync('tar', ['-tvf', '-', '--numeric-owner', '--full-time'], { input: archive, env: { ...process.env, LC_ALL: 'C.UTF-8' } }) // prettier-ignore
  const lines = list.toString().trim().split('\n')
  expect(lines).toHaveLength(cases.length)
  expect(list.toString()).toContain('größe/日本語')
  expect(list.toString()).toContain('2097152/4294967294')
})

test('a record whose size gets longer by its own digits is right', () => {
  for (let length = 1; length < 1100; length++) {
    const entry = { ...plain, xattrs: new Map([['user.a', Buffer.alloc(length, 'x')]]) }
    const [read] = readArchive(Buffer.concat([encodeEntry(entry), END]))
    expect(read?.xattrs.get('user.a')?.length).toBe(length)
  }
})

test('content is padded to whole blocks', () => {
  expect([0, 1, 511, 512, 513].map(padding)).toEqual([0, 511, 1, 0, 511])
})
