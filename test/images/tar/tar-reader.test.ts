import { describe, expect, test } from 'vitest'
import {
  END,
  magic,
  tarArchive,
  tarDirectory,
  tarEntry,
  tarFile,
  tarHardLink,
  tarHeader,
  tarLongName,
  tarPax,
  tarSymlink,
  wide,
} from '../../support/tar-builder.ts'
import { readArchive } from './read-events.ts'

const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARCHIVE' })

const sample = tarArchive(
  tarDirectory('usr/'),
  tarFile('usr/hello', 'hello, world\n', { uid: 1000, gid: 50, mode: 0o4755, mtime: 1_234_567_890 }),
  tarPax([
    ['path', 'usr/ünïcode'],
    ['SCHILY.xattr.security.capability', Buffer.from('0100000200200000000000000000ff80', 'hex')],
    ['mtime', '1700000000.25'],
  ]),
  tarFile('x', Buffer.alloc(1500, 7)),
  tarLongName(`${'d/'.repeat(100)}file`),
  tarFile('short', 'long', { magic: magic.gnu }),
  tarSymlink('usr/link', 'hello'),
  tarHardLink('usr/hard', 'usr/hello'),
)

describe('entries', () => {
  test('have all that their headers say', () => {
    const [directory, hello, unicode, long, link, hard] = readArchive(sample)
    expect(directory).toMatchObject({ type: 'directory', name: 'usr/', mode: 0o755, size: 0 })
    expect(hello).toMatchObject({ type: 'file', uid: 1000, gid: 50, mode: 0o4755, size: 13, mtime: 1_234_567_890 })
    expect(hello?.content.toString()).toBe('hello, world\n')
    expect(unicode).toMatchObject({ name: 'usr/ünïcode', mtime: 1_700_000_000, mtimeNs: 250_000_000, size: 1500 })
    expect(unicode?.xattrs.get('security.capability')?.toString('hex')).toBe('0100000200200000000000000000ff80')
    expect(long).toMatchObject({ name: `${'d/'.repeat(100)}file` })
    expect(link).toMatchObject({ type: 'symlink', linkName: 'hello' })
    expect(hard).toMatchObject({ type: 'hardlink', linkName: 'usr/hello' })
  })

  test.each([1, 3, 511, 512, 513, 1024, 4096])('are the same when the archive comes in chunks of %i bytes', (chunk) => {
    expect(readArchive(sample, { chunk })).toEqual(readArchive(sample))
  })

  test('of devices have their numbers, and fifos are told', () => {
    const archive = tarArchive(
      tarEntry({ name: 'c', type: '3', major: 5, minor: 1 }),
      tarEntry({ name: 'b', type: '4', major: 259, minor: 70000 }),
      tarEntry({ name: 'p', type: '6' }),
    )
    expect(readArchive(archive)).toMatchObject([
      { type: 'character', major: 5, minor: 1 },
      { type: 'block', major: 259, minor: 70000 },
      { type: 'fifo', major: 0 },
    ])
  })

  test('may have numbers in base 256, also negative times', () => {
    const fields = { name: 'a', uid: wide(3_000_000, 8), mtime: wide(-86_400, 12), size: wide(3, 12), magic: magic.gnu }
    expect(readArchive(tarArchive(tarEntry(fields, 'abc')))).toMatchObject([
      { uid: 3_000_000, mtime: -86_400, size: 3 },
    ])
  })

  test('of ustar have a prefix, of GNU none', () => {
    expect(readArchive(tarArchive(tarFile('file', '', { prefix: 'deep/down' })))[0]?.name).toBe('deep/down/file')
    const gnu = tarFile('file', '', { prefix: 'deep/down', magic: magic.gnu })
    expect(readArchive(tarArchive(gnu))[0]?.name).toBe('file')
  })

  test('older than POSIX are read: no magic, a directory by its slash', () => {
    const archive = tarArchive(tarEntry({ name: 'old/', type: '\0', magic: magic.none }))
    expect(readArchive(archive)).toMatchObject([{ type: 'directory', name: 'old/' }])
  })

  test('that are links have no content, whatever their size says', () => {
    const archive = tarArchive(tarHeader({ name: 'l', type: '1', link: 'a', size: 512 }), tarFile('b', 'x'))
    expect(readArchive(archive).map(({ name }) => name)).toEqual(['l', 'b'])
  })

  test('of GNU directories and volume labels lose the content that is not theirs', () => {
    const archive = tarArchive(
      tarEntry({ name: 'label', type: 'V' }),
      tarEntry({ name: 'dir/', type: 'D', magic: magic.gnu }, 'Yfile\0\0'),
      tarFile('file', 'x'),
    )
    expect(readArchive(archive)).toMatchObject([
      { name: 'dir/', type: 'directory', size: 0, content: Buffer.alloc(0) },
      { name: 'file' },
    ])
  })
})

describe('PAX records', () => {
  test('count for the next entry only, global ones for all but never as its name', () => {
    const archive = tarArchive(
      tarPax([['uid', '77'], ['path', 'everything']], 'g'), // prettier-ignore
      tarPax([['uid', '78']]),
      tarFile('a'),
      tarFile('b'),
    )
    expect(readArchive(archive)).toMatchObject([
      { name: 'a', uid: 78 },
      { name: 'b', uid: 77 },
    ])
  })

  test('hold values with newlines, equals signs and nothing', () => {
    const archive = tarArchive(
      tarPax([
        ['SCHILY.xattr.user.a', 'one\n10 path=x\n'],
        ['SCHILY.xattr.user.b=', 'x'],
        ['SCHILY.xattr.user.c', ''],
      ]),
      tarFile('a'),
    )
    const [entry] = readArchive(archive)
    expect(entry?.name).toBe('a')
    expect([...entry!.xattrs].map(([name, value]) => [name, value.toString()])).toEqual([
      ['user.a', 'one\n10 path=x\n'],
      ['user.b', '=x'],
      ['user.c', ''],
    ])
  })

  test('of libarchive are decoded', () => {
    const archive = tarArchive(tarPax([['LIBARCHIVE.xattr.user.%41', Buffer.from('AP8').toString()]]), tarFile('a'))
    expect(readArchive(archive)[0]?.xattrs.get('user.A')).toEqual(Buffer.from([0, 255]))
  })

  test.each([
    ['a size that is too large', '99 path=x\n'],
    ['a size that is too small', '5 path=x\n'],
    ['a negative size', '-9 path=x\n'],
    ['a size of zero', '0 path=x\n'],
    ['no size', 'path=x\n'],
    ['no equals sign', '9 pathxx\n'],
    ['no key', '5 =x\n'],
    ['a NUL in the name', '10 path=\0x\n'],
    ['a user ID that is none', '10 uid=-1\n'],
    ['a size in hexadecimal', '13 size=0x10\n'],
    ['a time that is none', '13 mtime=now\n'],
  ])('with %s are refused', (_, bytes) => {
    const archive = tarArchive(tarEntry({ name: 'x', type: 'x' }, bytes), tarFile('a'))
    expect(() => readArchive(archive)).toThrow(invalid)
  })

  test('over the limit are refused before they are read, and the message says what to raise', () => {
    const bomb = tarHeader({ name: 'x', type: 'x', size: 0o77777777777 })
    expect(() => readArchive(bomb)).toThrow(
      expect.objectContaining({
        code: 'ERR_ARCHIVE_LIMIT',
        message: expect.stringContaining('8589934591 bytes') as unknown,
        hint: expect.stringContaining('limits.headerBytes') as unknown,
      }),
    )
    const name = tarArchive(tarLongName('n'.repeat(5000)), tarFile('a'))
    expect(() => readArchive(name, { headerBytes: 4096 })).toThrow(
      expect.objectContaining({ code: 'ERR_ARCHIVE_LIMIT' }),
    )
  })
})

describe('a damaged archive', () => {
  test('that is cut anywhere is refused, unless a digest vouches for it and it ends between entries', () => {
    let whole = 0
    for (let size = 0; size < sample.length - END.length + 1; size++) {
      expect(() => readArchive(sample.subarray(0, size)), `cut at ${size}`).toThrow(invalid)
      try {
        readArchive(sample.subarray(0, size), { strict: false })
        whole++
      } catch (error) {
        expect(error).toEqual(invalid)
      }
    }
    expect(whole).toBe(7)
  })

  test.each([
    ['a wrong checksum', tarEntry({ name: 'a', checksumError: 1 })],
    ['text in a number', tarEntry({ name: 'a', patch: [[124, 'x0000000000\0']] })],
    ['a negative size', tarEntry({ name: 'a', size: wide(-1, 12), magic: magic.gnu })],
    ['a size beyond all numbers', tarEntry({ name: 'a', size: Buffer.alloc(12, 0x88), magic: magic.gnu })],
    ['a user ID beyond 32 bits', tarEntry({ name: 'a', uid: wide(2 ** 32, 8), magic: magic.gnu })],
    ['an unknown type', tarEntry({ name: 'a', type: 'Q' })],
    ['the rest of another volume', tarEntry({ name: 'a', type: 'M' })],
    ['a single block of zeros between entries', Buffer.concat([Buffer.alloc(512), tarFile('a')])],
    ['an entry after the end', Buffer.concat([END, tarFile('a')])],
    ['garbage after the end', Buffer.concat([END, Buffer.from('x')])],
    ['a PAX header of nothing', tarPax([['path', 'x']])],
    ['no tar at all', Buffer.alloc(2048, 'text ')],
  ])('with %s is refused', (_, bytes) => {
    expect(() => readArchive(tarArchive(bytes))).toThrow(invalid)
  })

  test('says where', () => {
    const archive = tarArchive(tarFile('a', 'x'), tarEntry({ name: 'b', checksumError: 3 }))
    expect(() => readArchive(archive)).toThrow(/The header at byte 1024 has a wrong checksum/)
  })

  test('in which any byte of a header differs is refused or gives another entry, and never hangs', () => {
    for (let at = 0; at < sample.length; at += 7) {
      const bad = Buffer.from(sample)
      bad[at]! ^= 0x41
      try {
        readArchive(bad)
      } catch (error) {
        expect(error).toEqual(expect.objectContaining({ name: 'AirplantError' }))
      }
    }
  })
})

test('headers without end before one entry are refused before they fill the memory', () => {
  const headers = Array.from({ length: 5 }, (_, at) => tarPax([[`SCHILY.xattr.user.a${at}`, 'x'.repeat(1000)]]))
  const archive = tarArchive(...headers, tarFile('a'))
  expect(() => readArchive(archive, { headerBytes: 4096 })).toThrow(
    expect.objectContaining({ code: 'ERR_ARCHIVE_LIMIT' }),
  )
  const [file] = readArchive(archive)
  expect(file?.xattrs.size).toBe(5)
  const apart = tarArchive(...headers.flatMap((header) => [header, tarFile('a')]))
  expect(readArchive(apart, { headerBytes: 4096 })).toHaveLength(5)
})

test('an archive may be padded with zeros to whole records', () => {
  expect(readArchive(Buffer.concat([sample, Buffer.alloc(9000)]))).toHaveLength(6)
})

test('an archive of nothing is one', () => {
  expect(readArchive(END)).toEqual([])
  expect(readArchive(Buffer.alloc(0), { strict: false })).toEqual([])
})
