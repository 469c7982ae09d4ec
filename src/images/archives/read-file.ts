import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { LARGEST_DOCUMENT } from '../manifest.ts'
import type { ImageStore } from '../store/image-store.ts'
import { incomplete, sizeOf, type ArchiveFile, type ArchiveFiles } from './archive-files.ts'

/** A document of an archive as a whole. @throws {AirplantError} `ERR_INVALID_ARCHIVE` when it is larger than documents are */
export async function readDocument(store: ImageStore, files: ArchiveFiles, file: ArchiveFile): Promise<Buffer> {
  const size = sizeOf(file)
  if (size > LARGEST_DOCUMENT)
    throw incomplete(files, `a document has ${size} bytes, and ${LARGEST_DOCUMENT} are the most`)
  return await readStart(store, file, size)
}

/** The first bytes of a file. */
export async function readStart(store: ImageStore, file: ArchiveFile, size: number): Promise<Buffer> {
  if (file.kind === 'memory') return file.bytes.subarray(0, size)
  await using handle = await open(pathOf(store, file))
  const bytes = Buffer.alloc(Math.min(size, file.size))
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
  return bytes.subarray(0, bytesRead)
}

/** A file's bytes from an offset on. */
export function openFrom(store: ImageStore, file: ArchiveFile, offset: number): AsyncIterable<Buffer> {
  if (file.kind === 'memory') return once(file.bytes.subarray(offset))
  return createReadStream(pathOf(store, file), { start: offset, highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>
}

function pathOf(store: ImageStore, file: ArchiveFile & { kind: 'blob' | 'path' }): string {
  return file.kind === 'blob' ? store.blobs.path(file.digest) : file.path
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
