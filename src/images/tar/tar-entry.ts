/** The kinds of entries that a reader hands out; what has no meaning for a file system (volume labels) never arrives. */
export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo'

/** One member of an archive, with all its headers (GNU long names, PAX records, sparse maps) applied. */
export interface TarEntry {
  readonly type: TarEntryType
  /** As it stands in the archive: may be absolute, hold `..` or end in `/`. Bytes that are no UTF-8 came out as U+FFFD. */
  readonly name: string
  /** Target of a symlink or hard link, else `''`. */
  readonly linkName: string
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of the file as it shall be, holes included; 0 for all other types. */
  readonly size: number
  /** Whole seconds since 1970, rounded down; negative before. */
  readonly mtime: number
  /** Nanoseconds to add to `mtime`. */
  readonly mtimeNs: number
  /** Of devices, else 0. */
  readonly major: number
  readonly minor: number
  /** Extended attributes, values byte by byte. */
  readonly xattrs: ReadonlyMap<string, Buffer>
}

/** What a reader hands out: an entry, then its content in order. `hole` is a run of zeros that the archive does not store. */
export type TarEvent =
  | { readonly type: 'entry'; readonly entry: TarEntry }
  | { readonly type: 'data'; readonly data: Buffer }
  | { readonly type: 'hole'; readonly size: number }

/** Size of a block: headers are one, content is padded to whole ones. */
export const BLOCK = 512
