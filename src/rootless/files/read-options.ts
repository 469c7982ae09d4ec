import type { FileEntry } from './file-entry.ts'

/** How files are read. */
export interface ReadOptions {
  /** It is an upper directory or a layer: whiteouts and opaque directories come as such, attributes of overlayfs stay hidden. */
  readonly raw: boolean
  /** Leave out what is mounted below. @default false */
  readonly oneFileSystem?: boolean
  /** With the files' content. @default true */
  readonly data?: boolean
  /** Leaving the loop early closes the connection, instead of reading what is left to throw it away. @default false */
  readonly closing?: boolean
}

/** One file that was read. */
export interface FileItem {
  readonly entry: FileEntry
  /** To be consumed before the next item, or it is skipped. Holes come as zeros that {@link isHole} knows again. */
  readonly data: AsyncIterable<Buffer>
}
