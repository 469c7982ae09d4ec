import { isUtf8 } from 'node:buffer'
import { AirplantError } from '../../errors.ts'
import type { FileEntry } from './file-entry.ts'
import { fileKinds } from './file-entry.ts'

const U32 = 2 ** 32
const none: ReadonlyMap<string, Buffer> = new Map()

/**
 * Reads the body of an `entry` frame. The attributes are copies: the body may be a part of something large.
 *
 * @throws {AirplantError} `ERR_FILE_FAILED` for a name that is not UTF-8: as text it would be another file's
 * @throws RangeError when the body is malformed
 */
export function decodeEntry(body: Buffer): FileEntry {
  const cursor = { at: 64 }
  const kind = fileKinds[readNumber(body, 0)]
  if (!kind) throw new RangeError('Malformed entry: unknown kind')
  const path = readText(body, cursor)
  return {
    kind,
    path,
    mode: readNumber(body, 8),
    uid: readNumber(body, 16),
    gid: readNumber(body, 24),
    mtime: body.readInt32LE(36) * U32 + body.readUInt32LE(32),
    mtimeNs: readNumber(body, 40),
    size: readNumber(body, 48),
    device: readNumber(body, 56),
    link: readText(body, cursor),
    xattrs: readAttributes(body, cursor),
  }
}

function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * U32
}

function readText(bytes: Buffer, cursor: { at: number }): string {
  const start = cursor.at + 4
  const end = start + bytes.readUInt32LE(cursor.at)
  if (end >= bytes.length) throw new RangeError('Malformed entry: a text is cut short')
  cursor.at = end + 1
  const text = bytes.subarray(start, end)
  if (isUtf8(text)) return text.toString('utf8')
  throw new AirplantError({
    code: 'ERR_FILE_FAILED',
    phase: 'copy',
    message: `Cannot read ${JSON.stringify(text.toString('latin1'))}: its name or target is not UTF-8 (shown as Latin-1)`,
    hint: 'Rename it, or leave its directory out',
  })
}

function readAttributes(body: Buffer, cursor: { at: number }): ReadonlyMap<string, Buffer> {
  const end = cursor.at + 4 + body.readUInt32LE(cursor.at)
  if (end !== body.length) throw new RangeError('Malformed entry: attributes of another size')
  cursor.at += 4
  if (cursor.at === end) return none
  const attributes = new Map<string, Buffer>()
  while (cursor.at < end) {
    const name = readText(body, cursor)
    const start = cursor.at + 4
    cursor.at = start + body.readUInt32LE(cursor.at)
    if (cursor.at > end) throw new RangeError('Malformed entry: an attribute is cut short')
    attributes.set(name, Buffer.from(body.subarray(start, cursor.at)))
  }
  return attributes
}
