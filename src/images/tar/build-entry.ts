import type { PaxOverrides } from './pax-overrides.ts'
import { readPaxSparse, type Stretch } from './sparse-map.ts'
import type { TarEntry, TarEntryType } from './tar-entry.ts'
import { invalidArchive } from './tar-error.ts'
import type { TarHeader } from './tar-header.ts'

/** An entry, and how its content is stored. */
export interface BuiltEntry {
  readonly entry: TarEntry
  /** Bytes of content in the archive, without padding. */
  readonly stored: number
  /** They are of no use to a file system (GNU's list of a directory). */
  readonly ignored: boolean
  /** Of a sparse file, unless its map stands before the content. */
  readonly stretches: readonly Stretch[] | undefined
  /** The map stands before the content. */
  readonly mapFirst: boolean
}

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  D: 'directory',
}

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map()

/** 2^32 - 1 means "no ID" to the kernel. */
const LARGEST_ID = 0xffff_fffe

/**
 * Puts a header and what was said before it together.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE` for types that nobody knows, or that need the archive's other volumes
 */
export function buildEntry(header: TarHeader, said: PaxOverrides, at: number): BuiltEntry {
  const sparse = said.sparse && readPaxSparse(said.sparse, at)
  const name = sparse?.name ?? said.name ?? header.name
  const type = typeOf(header.flag, name, at)
  const size = said.size ?? header.size
  // Go, with which nearly all images are made, takes these to have no content, whatever their size says.
  const stored = type === 'file' || header.flag === 'D' ? size : 0
  if (sparse && sparse.size === undefined) throw invalidArchive(`The sparse file at byte ${at} has no size`)
  return {
    entry: {
      type,
      name,
      linkName: type === 'symlink' || type === 'hardlink' ? (said.linkName ?? header.linkName) : '',
      mode: header.mode,
      uid: id(said.uid ?? header.uid, 'user', at),
      gid: id(said.gid ?? header.gid, 'group', at),
      size: type === 'file' ? (sparse?.size ?? size) : 0,
      mtime: said.mtime?.[0] ?? header.mtime,
      mtimeNs: said.mtime?.[1] ?? 0,
      major: header.major,
      minor: header.minor,
      xattrs: said.xattrs ?? NO_XATTRS,
    },
    stored,
    ignored: header.flag === 'D',
    stretches: sparse?.stretches,
    mapFirst: sparse !== undefined && sparse.stretches === undefined,
  }
}

function typeOf(flag: string, name: string, at: number): TarEntryType {
  if (flag === 'M') {
    throw invalidArchive(`The file at byte ${at} began in another volume`, 'Join the volumes, or make one archive')
  }
  const type = TYPES[flag]
  if (!type) throw invalidArchive(`The entry at byte ${at} has the unknown type ${JSON.stringify(flag)}`)
  // How archives older than POSIX write directories.
  return type === 'file' && name.endsWith('/') ? 'directory' : type
}

function id(value: number, kind: string, at: number): number {
  if (value >= 0 && value <= LARGEST_ID) return value
  throw invalidArchive(`The entry at byte ${at} has the impossible ${kind} ID ${value}`)
}
