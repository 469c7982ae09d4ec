import { BLOCK } from './tar-entry.ts'
import { invalidArchive } from './tar-error.ts'

/** Where the fields of a header block are: POSIX.1-1988 ustar, and what GNU and star changed. */
export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const

/** A header block as it stands, before long names and PAX records are applied. */
export interface TarHeader {
  /** The type flag as a character; `'0'` also for the NUL of old archives. */
  readonly flag: string
  readonly name: string
  readonly linkName: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly major: number
  readonly minor: number
}

/**
 * Reads a header block of any dialect.
 *
 * @param at where the block is in the archive, for the message
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`: checksum wrong, a number that is none
 */
export function decodeHeader(block: Buffer, at: number): TarHeader {
  checkSum(block, at)
  const flag = block[FIELDS.type[0]] || 0x30
  const device = flag === 0x33 || flag === 0x34
  const size = number(block, FIELDS.size, 'size', at)
  if (size < 0) throw invalidArchive(`The header at byte ${at} has a negative size`)
  const name = text(block, FIELDS.name)
  const prefix = prefixOf(block)
  return {
    flag: String.fromCharCode(flag),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, FIELDS.linkName),
    mode: number(block, FIELDS.mode, 'mode', at) & 0o7777,
    uid: number(block, FIELDS.uid, 'user ID', at),
    gid: number(block, FIELDS.gid, 'group ID', at),
    size,
    mtime: number(block, FIELDS.mtime, 'time', at),
    // Other types may leave anything there.
    major: device ? number(block, FIELDS.major, 'device', at) : 0,
    minor: device ? number(block, FIELDS.minor, 'device', at) : 0,
  }
}

/** Whether the block holds nothing but zeros: two of them end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.equals(ZEROS)
}

/** The text of a field, up to its first NUL. */
export function text(block: Buffer, [at, size]: readonly [number, number]): string {
  let end = at
  while (end < at + size && block[end] !== 0) end++
  return end === at ? '' : block.toString('utf8', at, end)
}

/**
 * A number: octal digits between blanks and NULs, or base 256 (two's complement) when the first bit is set. Blank is 0.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`
 */
export function number(block: Buffer, field: readonly [number, number], name: string, at: number): number {
  const [start, size] = field
  if (block[start]! >= 0x80) return wideNumber(block, field, name, at)
  let value = 0
  let index = start
  const end = start + size
  while (index < end && block[index] === 0x20) index++
  for (; index < end; index++) {
    const digit = block[index]! - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  // GNU tar and others end a number in a blank, a NUL, or both; what follows a NUL is not looked at by any of them.
  const last = index < end ? block[index] : 0
  if (last !== 0 && last !== 0x20) throw invalidArchive(`The header at byte ${at} has a ${name} that is no number`)
  return value
}

/** https://www.gnu.org/software/tar/manual/html_node/Extensions.html: the sign is the second bit of the first byte. */
function wideNumber(block: Buffer, [start, size]: readonly [number, number], name: string, at: number): number {
  const negative = (block[start]! & 0x40) !== 0
  let value = negative ? -1n : 0n
  value = (value << 6n) | BigInt(block[start]! & 0x3f)
  for (let index = start + 1; index < start + size; index++) value = (value << 8n) | BigInt(block[index]!)
  const result = Number(value)
  if (!Number.isSafeInteger(result)) {
    throw invalidArchive(`The header at byte ${at} has a ${name} that is too large`)
  }
  return result
}

const ZEROS = Buffer.alloc(BLOCK)

/** Only POSIX has a prefix; GNU keeps times and sparse maps there. star ends its shorter one before two times. */
function prefixOf(block: Buffer): string {
  if (block[FIELDS.prefix[0]] === 0 || block.toString('latin1', 257, 263) !== 'ustar\0') return ''
  const star = block.toString('latin1', 508, 512) === 'tar\0'
  return text(block, star ? [345, 131] : FIELDS.prefix)
}

/** Some old programs summed signed bytes. */
function checkSum(block: Buffer, at: number): void {
  let unsigned = 8 * 0x20
  let negative = 0
  for (let index = 0; index < BLOCK; index++) {
    if (index === 148) index = 156
    const byte = block[index]!
    unsigned += byte
    if (byte >= 0x80) negative++
  }
  const said = number(block, FIELDS.checksum, 'checksum', at)
  if (said === unsigned || said === unsigned - 256 * negative) return
  throw invalidArchive(`The header at byte ${at} has a wrong checksum`)
}
