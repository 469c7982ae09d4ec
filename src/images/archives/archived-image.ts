import type { Descriptor } from '../descriptor.ts'
import type { ArchiveFile } from './archive-files.ts'

/** An image that was found in an archive, before the store has it. */
export interface ArchivedImage {
  /** Full names. */
  readonly names: readonly string[]
  /** What the archive calls it, which may be only a tag. */
  readonly labels: readonly string[]
  readonly manifest: { readonly bytes: Buffer; readonly descriptor: Descriptor }
  readonly config: ArchivedBlob
  /** Lowest first. */
  readonly layers: readonly ArchivedBlob[]
}

/** A blob of an image, and the file that has to be it. */
export interface ArchivedBlob {
  readonly descriptor: Descriptor
  readonly file: ArchiveFile
}
