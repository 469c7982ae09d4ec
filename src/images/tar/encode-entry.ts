import { encodePax, type PaxRecord } from './pax-records.ts'
import { BLOCK, type TarEntry, type TarEntryType } from './tar-entry.ts'
import { FIELDS } from './tar-header.ts'

const flags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

/** Largest numbers of 7 and 11 octal digits. */
const OCTAL_7 = 0o7777777
const OCTAL_11 = 0o77777777777

/**
 * The header of an entry: one ustar block, with a PAX header before it for whatever that cannot hold. Nothing of the machine's goes in, so equal
 * entries give equal bytes.
 */
export function encodeEntry(entry: TarEntry): Buffer {
  const split = splitName(entry.name)
  const records = paxRecords(entry, split === undefined)
  const blocks: Buffer[] = []
  if (records.length > 0) {
    const content = encodePax(records)
    blocks.push(header({ ...paxEntry, name: paxName(entry.name), size: content.length }, 'x'))
    blocks.push(content, Buffer.alloc(padding(content.length)))
  }
  blocks.push(header(entry, flags[entry.type], split))
  return Buffer.concat(blocks)
}

/** Bytes of zeros that follow so many of content. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

const paxEntry: TarEntry = {
  ...{ type: 'file', name: '', linkName: '', mode: 0o644, uid: 0, gid: 0, size: 0 },
  ...{ mtime: 0, mtimeNs: 0, major: 0, minor: 0, xattrs: new Map() },
}

function paxRecords(entry: TarEntry, nameTooLong: boolean): PaxRecord[] {
  const { linkName, size, uid, gid, mtime, mtimeNs, xattrs } = entry
  const records: PaxRecord[] = []
  const add = (key: string, value: string): unknown => records.push([key, Buffer.from(value)])
  if (nameTooLong) add('path', entry.name)
  if (!isAscii(linkName) || linkName.length > 100) add('linkpath', linkName)
  if (size > OCTAL_11) add('size', String(size))
  if (uid > OCTAL_7) add('uid', String(uid))
  if (gid > OCTAL_7) add('gid', String(gid))
  if (mtimeNs > 0 || mtime < 0 || mtime > OCTAL_11) add('mtime', paxTime(mtime, mtimeNs))
  for (const name of [...xattrs.keys()].sort()) records.push([`SCHILY.xattr.${name}`, xattrs.get(name)!])
  return records
}

/** Seconds as a decimal number; the nanoseconds count upwards also before 1970. */
function paxTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds)
  const negative = seconds < 0
  const whole = negative ? -(seconds + 1) : seconds
  const rest = negative ? 1_000_000_000 - nanoseconds : nanoseconds
  return `${negative ? '-' : ''}${whole}.${String(rest).padStart(9, '0').replace(/0+$/, '')}`
}

/** As 100 bytes of name after 155 of prefix. Undefined: it does not fit, or is no ASCII, for which ustar has no rule. */
function splitName(name: string): readonly [prefix: string, name: string] | undefined {
  if (!isAscii(name)) return undefined
  if (name.length <= 100) return ['', name]
  // The slash that parts them is in neither, and the one that ends a directory's name cannot be it.
  const at = name.indexOf('/', name.length - 101)
  return at > 0 && at <= 155 && at < name.length - 1 ? [name.slice(0, at), name.slice(at + 1)] : undefined
}

/** A program that knows no PAX makes a file of this name. */
function paxName(name: string): string {
  const base = name.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return `PaxHeaders.0/${base.replace(/[^\x20-\x7e]/g, '_').slice(0, 80)}`
}

function header(entry: TarEntry, flag: string, split: readonly [string, string] = ['', '']): Buffer {
  const block = Buffer.alloc(BLOCK)
  const isPax = flag === 'x'
  const put = ([at, size]: readonly [number, number], text: string): unknown => block.write(text, at, size, 'latin1')
  const [prefix, name] = isPax ? ['', entry.name] : split
  // Where PAX says the rest, as much as fits.
  put(FIELDS.name, name || ascii(entry.name).slice(0, 100))
  put(FIELDS.mode, octal(entry.mode & 0o7777, 7))
  put(FIELDS.uid, octal(entry.uid, 7))
  put(FIELDS.gid, octal(entry.gid, 7))
  put(FIELDS.size, octal(entry.size, 11))
  put(FIELDS.mtime, octal(entry.mtime, 11))
  put(FIELDS.type, flag)
  put(FIELDS.linkName, ascii(entry.linkName).slice(0, 100))
  put(FIELDS.magic, 'ustar\x0000')
  const isDevice = entry.type === 'character' || entry.type === 'block'
  put(FIELDS.major, octal(isDevice ? entry.major : 0, 7))
  put(FIELDS.minor, octal(isDevice ? entry.minor : 0, 7))
  put(FIELDS.prefix, prefix)
  put(FIELDS.checksum, '        ')
  put(
    FIELDS.checksum,
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
  )
  return block
}

/** 0 where the number needs PAX. */
function octal(value: number, digits: number): string {
  const fits = value >= 0 && value < 8 ** digits
  return (fits ? value : 0).toString(8).padStart(digits, '0')
}

function isAscii(text: string): boolean {
  return /^[\x01-\x7f]*$/.test(text)
}

function ascii(text: string): string {
  return text.replace(/[^\x01-\x7f]/g, '_')
}
