import { AirplantError } from '../../errors.ts'
import type { FileEntry, FileKind } from './file-entry.ts'
import { fileKinds } from './file-entry.ts'
import { FILE_FRAME_MAX, FILE_HEADER, fileFrames } from './file-frames.ts'

const U32 = 2 ** 32
const NUMBERS = 8 * 8
const NANOSECONDS = 1_000_000_000

const kindNumbers = new Map(fileKinds.map((kind, number) => [kind, number]))

/** Most bytes that {@link writeEntry} needs for it. */
export function entryRoom({ path, link, xattrs }: FileEntry): number {
  // A UTF-16 unit is at most three bytes of UTF-8.
  let room = FILE_HEADER + NUMBERS + 3 * (path.length + link.length) + 14
  for (const [name, value] of xattrs) room += 3 * name.length + value.length + 9
  return room
}

/**
 * Writes an `entry` frame and returns where it ends.
 *
 * @throws {AirplantError} `ERR_UNSAFE_ARCHIVE` for a text with a NUL, `ERR_ARCHIVE_LIMIT` for attributes of a megabyte,
 *   `ERR_INVALID_ARCHIVE` for numbers that are none
 */
export function writeEntry(entry: FileEntry, bytes: Buffer, start: number): number {
  const fraction = entry.mtime - Math.floor(entry.mtime)
  let at = start + FILE_HEADER
  at = writeNumber(bytes, at, kindNumber(entry.kind), entry)
  at = writeNumber(bytes, at, entry.mode, entry)
  at = writeNumber(bytes, at, entry.uid, entry)
  at = writeNumber(bytes, at, entry.gid, entry)
  at = writeSeconds(bytes, at, Math.floor(entry.mtime), entry)
  at = writeNumber(bytes, at, entry.mtimeNs || Math.floor(fraction * NANOSECONDS), entry)
  at = writeNumber(bytes, at, entry.size, entry)
  at = writeNumber(bytes, at, entry.device, entry)
  at = writeText(bytes, at, entry.path, entry)
  at = writeText(bytes, at, entry.link, entry)
  const xattrs = at
  at += 4
  for (const [name, value] of entry.xattrs) {
    at = writeText(bytes, at, name, entry)
    bytes.writeUInt32LE(value.length, at)
    value.copy(bytes, at + 4)
    at += 4 + value.length
  }
  bytes.writeUInt32LE(at - xattrs - 4, xattrs)
  const size = at - start - FILE_HEADER
  if (size > FILE_FRAME_MAX) {
    throw refusal('ERR_ARCHIVE_LIMIT', entry, 'its name and attributes have over a megabyte', 'Make it without them')
  }
  bytes.writeUInt32LE(size, start)
  bytes[start + 4] = fileFrames.entry
  return at
}

function kindNumber(kind: FileKind): number {
  return kindNumbers.get(kind) ?? fileKinds.length
}

function writeNumber(bytes: Buffer, at: number, value: number, entry: FileEntry): number {
  if (!Number.isSafeInteger(value) || value < 0) throw badNumber(entry, value)
  bytes.writeUInt32LE(value % U32, at)
  bytes.writeUInt32LE(Math.floor(value / U32), at + 4)
  return at + 8
}

// Before 1970 it is negative; the division rounds down, which is what two's complement needs.
function writeSeconds(bytes: Buffer, at: number, value: number, entry: FileEntry): number {
  if (!Number.isSafeInteger(value)) throw badNumber(entry, value)
  const high = Math.floor(value / U32)
  bytes.writeUInt32LE(value - high * U32, at)
  bytes.writeInt32LE(high, at + 4)
  return at + 8
}

function writeText(bytes: Buffer, at: number, text: string, entry: FileEntry): number {
  if (text.includes('\0')) {
    throw refusal('ERR_UNSAFE_ARCHIVE', entry, 'a NUL in a name', 'The archive is damaged or hostile: do not use it')
  }
  const size = bytes.write(text, at + 4)
  bytes.writeUInt32LE(size, at)
  bytes[at + 4 + size] = 0
  return at + 5 + size
}

function badNumber(entry: FileEntry, value: number): AirplantError {
  return refusal(
    'ERR_INVALID_ARCHIVE',
    entry,
    `${value} is not a number that a file can have`,
    'Make the archive again',
  )
}

function refusal(
  code: 'ERR_UNSAFE_ARCHIVE' | 'ERR_ARCHIVE_LIMIT' | 'ERR_INVALID_ARCHIVE',
  { path }: FileEntry,
  reason: string,
  hint: string,
): AirplantError {
  const message = `Cannot make ${JSON.stringify(path.slice(0, 4096))}: ${reason}`
  return new AirplantError({ code, phase: 'copy', message, hint, detail: path })
}
