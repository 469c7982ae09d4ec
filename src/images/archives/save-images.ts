import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AirplantError, isAirplantError } from '../../errors.ts'
import type { Session } from '../../rootless/session.ts'
import { tarBytes, type PackItem } from '../layers/tar-bytes.ts'
import type { ImageStore } from '../store/image-store.ts'
import { blobPath, layOutImages, type ImageLayout } from './image-layout.ts'

/** In which form images are saved. `oci-dir` is a directory, the others are tar archives. */
export type ArchiveFormat = 'docker-archive' | 'oci-archive' | 'oci-dir'

/** How images are saved. */
export interface SaveOptions {
  /** A path, or for archives a stream, which is not ended. What is at the path is replaced when all is written; a directory must be empty. */
  readonly to: string | Writable
  /** `docker-archive` holds an OCI layout as well, so that all programs read it. @default 'docker-archive' */
  readonly format?: ArchiveFormat | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes images of the store where docker, podman and skopeo can read them. By a name it is saved with that name, by an ID without one.
 *
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`, `ERR_INVALID_REFERENCE`, `ERR_FILE_FAILED` (the target), `ERR_DISK_FULL`, `ERR_STORE`, `ERR_ABORTED`,
 *   `ERR_INVALID_OPTION`. Nothing is left at the path then
 *
 * @example
 * await saveImages(store, session, ['postgres:17'], { to: 'postgres.tar' })
 */
export async function saveImages(
  store: ImageStore,
  session: Session,
  names: readonly string[],
  options: SaveOptions,
): Promise<void> {
  const { to, format = 'docker-archive', signal } = options
  if (names.length === 0) throw invalidOption('no image is named', 'Name at least one')
  if (format === 'oci-dir' && typeof to !== 'string') {
    throw invalidOption('a directory cannot go to a stream', 'Give a path, or use "oci-archive"')
  }
  try {
    await store.withLock('collect', { shared: true, signal }, async () => {
      const layout = await layOutImages(store, session, names, { docker: format === 'docker-archive', signal })
      if (typeof to !== 'string') await pipeline(archive(store, layout), to, { signal, end: false })
      else if (format === 'oci-dir') await writeDirectory(store, layout, to, signal)
      else await writeArchive(store, layout, to, signal)
    })
  } catch (error) {
    throw explain(error, to, signal)
  }
}

function archive(store: ImageStore, layout: ImageLayout): Readable {
  return Readable.from(tarBytes(items(store, layout), false), { objectMode: false, highWaterMark: 256 * 1024 })
}

async function* items(store: ImageStore, { documents, blobs }: ImageLayout): AsyncGenerator<PackItem> {
  // skopeo, not being root, cannot make parents that the archive leaves out.
  const parents = [...documents.map(({ name }) => name), ...blobs.map(({ digest }) => blobPath(digest))].flatMap(
    parentsOf,
  )
  for (const path of new Set(parents)) yield item(path, 'directory', 0, Readable.from([]))
  for (const { name, bytes } of documents) yield item(name, 'file', bytes.length, Readable.from([bytes]))
  for (const { digest, size } of blobs) {
    const bytes = createReadStream(store.blobs.path(digest), { highWaterMark: 256 * 1024 })
    yield item(blobPath(digest), 'file', size, bytes)
  }
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}

function item(path: string, kind: 'file' | 'directory', size: number, data: Readable): PackItem {
  const mode = kind === 'file' ? 0o644 : 0o755
  const entry = { kind, path, mode, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size, link: '', device: 0, xattrs: new Map() }
  return { entry, data: data as AsyncIterable<Buffer> }
}

/** Beside its place, and there when it is whole. */
async function writeArchive(
  store: ImageStore,
  layout: ImageLayout,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.partial`
  try {
    await pipeline(archive(store, layout), createWriteStream(temporary, { flags: 'wx' }), { signal })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** `index.json` comes last: before it, it is no layout. */
async function writeDirectory(
  store: ImageStore,
  { documents, blobs }: ImageLayout,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const isNew = (await mkdir(path, { recursive: true })) !== undefined
  if ((await readdir(path)).length > 0) throw invalidOption(`"${path}" is not empty`, 'Name a new directory')
  try {
    for (const { digest } of blobs) {
      signal?.throwIfAborted()
      await mkdir(dirname(join(path, blobPath(digest))), { recursive: true })
      await copyFile(store.blobs.path(digest), join(path, blobPath(digest)))
    }
    const last = documents.filter(({ name }) => name === 'index.json')
    for (const { name, bytes } of [...documents.filter((each) => !last.includes(each)), ...last]) {
      await mkdir(dirname(join(path, name)), { recursive: true })
      await writeFile(join(path, name), bytes)
    }
  } catch (error) {
    await rm(path, { recursive: true, force: true })
    if (!isNew) await mkdir(path)
    throw error
  }
}

function explain(error: unknown, to: string | Writable, signal: AbortSignal | undefined): unknown {
  const target = typeof to === 'string' ? `to "${to}"` : 'to the stream'
  if (signal?.aborted) {
    const hint = 'The signal that was passed fired; call again to save them'
    const message = `Cannot save the images ${target}: aborted`
    return new AirplantError({ code: 'ERR_ABORTED', message, phase: 'store', hint, cause: signal.reason })
  }
  const { code, message } = error as NodeJS.ErrnoException
  if (isAirplantError(error) || code === undefined) return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new AirplantError({
    code: isFull ? 'ERR_DISK_FULL' : 'ERR_FILE_FAILED',
    message: `Cannot save the images ${target}: ${isFull ? 'no space left' : message}`,
    phase: 'store',
    hint: isFull ? 'Free space, or save to another disk' : 'Name a place where you may write',
    errno: code,
    cause: error,
  })
}

function invalidOption(reason: string, hint: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot save images: ${reason}`,
    phase: 'store',
    hint,
  })
}
