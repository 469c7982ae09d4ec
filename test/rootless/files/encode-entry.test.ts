import { expect, test } from 'vitest'
import { isAirplantError } from '../../../src/errors.ts'
import { entryRoom, writeEntry } from '../../../src/rootless/files/encode-entry.ts'
import type { FileEntry } from '../../../src/rootless/files/file-entry.ts'
import { FileFrameReader, fileFrames } from '../../../src/rootless/files/file-frames.ts'
import { FieldReader } from '../../../src/rootless/protocol/fields.ts'
import { entryOf } from '../../support/apply.ts'

/** The fields as the worker reads them. */
function encoded(entry: FileEntry): unknown[] {
  const bytes = Buffer.alloc(entryRoom(entry) + 3)
  const end = writeEntry(entry, bytes, 3)
  expect(end).toBeLessThanOrEqual(bytes.length)
  const [frame] = new FileFrameReader().read(bytes.subarray(3, end))
  expect(frame?.type).toBe(fileFrames.entry)
  const reader = new FieldReader(frame?.body ?? Buffer.alloc(0))
  const numbers = Array.from({ length: 8 }, () => reader.big())
  const fields = [...numbers, reader.s(), reader.s(), reader.b().toString('latin1')]
  reader.end()
  return fields
}

function problem(entry: FileEntry): string | undefined {
  try {
    encoded(entry)
  } catch (error) {
    return isAirplantError(error) ? error.code : String(error)
  }
  return undefined
}

test('an entry is written field by field', () => {
  const xattrs = new Map([
    ['user.a', Buffer.from('\0b')],
    ['user.ü', Buffer.alloc(0)],
  ])
  const entry = entryOf('block', 'dev/ü', {
    mode: 0o640,
    uid: 2 ** 32,
    gid: 7,
    mtime: 5.5,
    device: 8 * 2 ** 20,
    link: 'x',
    xattrs,
  })
  const name = Buffer.from('user.ü').toString('latin1')
  expect(encoded(entry)).toEqual([
    ...[6n, 0o640n, 2n ** 32n, 7n, 5n, 500_000_000n, 0n, 8n << 20n],
    'dev/ü',
    'x',
    `\x06\0\0\0user.a\0\x02\0\0\0\0b\x07\0\0\0${name}\0\0\0\0\0`,
  ])
})

test.each([
  [-1, 0, 2n ** 64n - 1n, 0n],
  [-1.25, 0, 2n ** 64n - 2n, 750_000_000n],
  [-(2 ** 40), 3, 2n ** 64n - 2n ** 40n, 3n],
  [2 ** 40, 999_999_999, 2n ** 40n, 999_999_999n],
])('the time %d s and %d ns keeps its sign', (mtime, mtimeNs, seconds, nanoseconds) => {
  expect(encoded(entryOf('file', 'x', { mtime, mtimeNs })).slice(4, 6)).toEqual([seconds, nanoseconds])
})

test('what no file can have is refused before it is sent', () => {
  expect(problem(entryOf('file', 'a\0b'))).toBe('ERR_UNSAFE_ARCHIVE')
  expect(problem(entryOf('symlink', 'a', { link: 'b\0' }))).toBe('ERR_UNSAFE_ARCHIVE')
  for (const wrong of [{ size: -1 }, { mode: 0.5 }, { uid: NaN }, { mtime: Infinity }, { size: 2 ** 60 }]) {
    expect(problem(entryOf('file', 'a', wrong))).toBe('ERR_INVALID_ARCHIVE')
  }
  const large = new Map([['user.a', Buffer.alloc(2 ** 20)]])
  expect(problem(entryOf('file', 'a', { xattrs: large }))).toBe('ERR_ARCHIVE_LIMIT')
  expect(problem(entryOf('file', 'x'.repeat(2 ** 19)))).toBeUndefined()
})
