import type { PaxRecord } from './pax-records.ts'
import { invalidArchive } from './tar-error.ts'

/** What PAX headers say of the entry that follows; undefined where they are silent. */
export interface PaxOverrides {
  name?: string
  linkName?: string
  size?: number
  uid?: number
  gid?: number
  /** Seconds rounded down, and the rest in nanoseconds. */
  mtime?: readonly [seconds: number, nanoseconds: number]
  xattrs?: Map<string, Buffer>
  /** The `GNU.sparse.*` records, which hold where the content lies. */
  sparse?: PaxRecord[]
}

/**
 * Applies the records of one header. Where both programs write an attribute, star's form (`SCHILY.xattr.`) and libarchive's say the same.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`
 */
export function applyPax(into: PaxOverrides, records: readonly PaxRecord[], at: number): void {
  for (const [key, value] of records) {
    if (key.startsWith('SCHILY.xattr.')) setXattr(into, key.slice('SCHILY.xattr.'.length), value)
    else if (key.startsWith('LIBARCHIVE.xattr.')) setEncodedXattr(into, key, value, at)
    else if (key.startsWith('GNU.sparse.')) (into.sparse ??= []).push([key, Buffer.from(value)])
    else if (value.length > 0) setField(into, key, value, at)
  }
}

/** A global header's: only what can be meant for many files. Go ignores them altogether, GNU tar would give all files one name. */
export function globalPax(records: readonly PaxRecord[], at: number): PaxOverrides {
  const all: PaxOverrides = {}
  applyPax(
    all,
    records.filter(([key]) => key === 'uid' || key === 'gid' || key === 'mtime'),
    at,
  )
  return all
}

/** Non-negative decimal number of a record. */
export function paxNumber(value: Buffer, key: string, at: number): number {
  const digits = value.toString('latin1')
  const result = /^[0-9]{1,16}$/.test(digits) ? Number(digits) : NaN
  if (Number.isSafeInteger(result)) return result
  throw invalidArchive(`The PAX header at byte ${at} has a ${key} that is no number`)
}

/** Text of a record; a NUL in it would cut the name short for the kernel. */
export function paxText(value: Buffer, key: string, at: number): string {
  if (value.includes(0)) throw invalidArchive(`The PAX header at byte ${at} has a NUL in its ${key}`)
  return value.toString('utf8')
}

function setField(into: PaxOverrides, key: string, value: Buffer, at: number): void {
  if (key === 'path') into.name = paxText(value, key, at)
  else if (key === 'linkpath') into.linkName = paxText(value, key, at)
  else if (key === 'size') into.size = paxNumber(value, key, at)
  else if (key === 'uid') into.uid = paxNumber(value, key, at)
  else if (key === 'gid') into.gid = paxNumber(value, key, at)
  else if (key === 'mtime') into.mtime = paxTime(value, at)
}

/** `-1.25` is 1.25 s before 1970: seconds -2, and 750,000,000 ns. */
function paxTime(value: Buffer, at: number): readonly [number, number] {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value.toString('latin1'))
  if (!match) throw invalidArchive(`The PAX header at byte ${at} has a mtime that is no time`)
  const seconds = Number(match[2])
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'))
  if (match[1] === '') return [seconds, nanoseconds]
  return nanoseconds === 0 ? [-seconds || 0, 0] : [-seconds - 1, 1_000_000_000 - nanoseconds]
}

function setXattr(into: PaxOverrides, name: string, value: Buffer): void {
  // A copy: the archive's bytes may lie in memory that is used again.
  if (name !== '') (into.xattrs ??= new Map()).set(name, Buffer.from(value))
}

/** libarchive: the name percent-encoded, the value in base 64. */
function setEncodedXattr(into: PaxOverrides, key: string, value: Buffer, at: number): void {
  try {
    const name = decodeURIComponent(key.slice('LIBARCHIVE.xattr.'.length))
    if (!into.xattrs?.has(name)) setXattr(into, name, Buffer.from(value.toString('latin1'), 'base64'))
  } catch (error) {
    throw invalidArchive(`The PAX header at byte ${at} has an attribute name that is not percent-encoded`)
  }
}
