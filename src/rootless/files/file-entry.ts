/** What a file is. `whiteout` and `opaque` are those of layers: something is not there any more, a directory hides all below it. */
export type FileKind =
  'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'character' | 'block' | 'socket' | 'whiteout' | 'opaque'

/** The kinds by their numbers in docs/files.md. */
export const fileKinds: readonly FileKind[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character',
  'block',
  'socket',
  'whiteout',
  'opaque',
]

/** One file as it is written or read, without its content. */
export interface FileEntry {
  readonly kind: FileKind
  /** Relative to the base, without a leading slash; `''` is the base itself. For `opaque` the directory's. */
  readonly path: string
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Seconds since 1970; a fraction counts only while `mtimeNs` is 0. */
  readonly mtime: number
  /** Nanoseconds of the time, 0 to 999_999_999. */
  readonly mtimeNs: number
  /** Bytes of content; 0 for anything but a file. */
  readonly size: number
  /** What a symlink says; for a hardlink the path of the other name, in the same form as `path`. */
  readonly link: string
  /** `major * 2 ** 20 + minor` of a character or block device, else 0. */
  readonly device: number
  readonly xattrs: ReadonlyMap<string, Buffer>
}
