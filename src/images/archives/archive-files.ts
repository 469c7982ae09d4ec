import { AirplantError } from '../../errors.ts'
import { quoteBriefly } from '../quote-briefly.ts'

/** A file of an image archive: small ones in memory, the others in the store's blobs or where they were. */
export type ArchiveFile =
  | { readonly kind: 'memory'; readonly bytes: Buffer }
  | { readonly kind: 'blob'; readonly digest: string; readonly size: number }
  | { readonly kind: 'path'; readonly path: string; readonly size: number }

/** The files of an image archive or layout, by the names that its documents use. */
export interface ArchiveFiles {
  /** For messages. */
  readonly origin: string
  find(name: string): Promise<ArchiveFile | undefined>
}

/** Bytes of a file. */
export function sizeOf(file: ArchiveFile): number {
  return file.kind === 'memory' ? file.bytes.length : file.size
}

/**
 * The file that a document names.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE` when it is not there
 */
export async function requireFile(files: ArchiveFiles, name: string): Promise<ArchiveFile> {
  const file = await files.find(name)
  if (file) return file
  throw incomplete(files, `${quoteBriefly(name)} is missing`)
}

export function incomplete({ origin }: ArchiveFiles, problem: string, hint = remake): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_ARCHIVE',
    message: `Cannot load images from ${origin}: ${problem}`,
    phase: 'store',
    hint,
  })
}

const remake = 'Make the archive again, with "docker save", "podman save" or "skopeo copy"'
