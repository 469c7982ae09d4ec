import { stat } from 'node:fs/promises'
import { FileWorker } from '../../rootless/files/file-worker.ts'
import type { ApplySummary } from '../../rootless/files/apply-options.ts'
import type { Session } from '../../rootless/session.ts'
import { unpackError } from './unpack-error.ts'
import { unpackLimits, type UnpackLimits } from './unpack-limits.ts'
import type { RunUnpackOptions } from './run-unpack.ts'
import { UnpackPool } from './unpack-pool.ts'
import type { UnpackTask } from './unpack-task.ts'

/**
 * Blobs below so many bytes are unpacked in the calling thread: to start another takes longer than they do (60 ms against 20). zlib works in threads
 * of its own anyway; of 300 MB about half a second is hashing and reading headers, which larger ones do elsewhere, because this thread downloads
 * other layers meanwhile.
 */
const SMALL = 4 * 1024 * 1024

/** A layer's blob in the store. */
export interface LayerBlob {
  /** Its file. */
  readonly path: string
  /** As the manifest says; undefined: whatever the bytes are. */
  readonly mediaType?: string | undefined
  /** Digest that the uncompressed archive must have. */
  readonly diffId: string
}

/** How {@link unpackLayer} works. */
export interface UnpackLayerOptions {
  /** Everything belongs to root, because only one ID is mapped. @default false */
  readonly flattenOwners?: boolean
  /** @default those of AIRPLANT_UNPACK_LIMITS, else generous ones */
  readonly limits?: Partial<UnpackLimits> | undefined
  readonly signal?: AbortSignal | undefined
  /** Told now and then how many compressed bytes were taken. */
  readonly onProgress?: ((bytes: number) => void) | undefined
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Unpacks a layer into an empty directory, in a form that overlayfs takes as a lower one. Decompressing, hashing and reading a large
 * archive run in a worker thread; a process whose root is the directory writes the files. When it throws, the directory holds a part and is to be removed.
 *
 * @throws {AirplantError} `ERR_DIGEST_MISMATCH`, `ERR_INVALID_ARCHIVE`, `ERR_INVALID_IMAGE` (media type), `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`,
 *   `ERR_DISK_FULL`, `ERR_UNMAPPED_OWNER`, `ERR_ABORTED`, `ERR_FILE_FAILED`, `ERR_INVALID_OPTION`
 *
 * @example
 * const { entries } = await unpackLayer(session, { path: store.blobs.path(digest), mediaType, diffId }, directory)
 */
export async function unpackLayer(
  session: Session,
  { path, mediaType, diffId }: LayerBlob,
  directory: string,
  options: UnpackLayerOptions = {},
): Promise<ApplySummary> {
  const { flattenOwners = false, signal, onProgress, env = process.env } = options
  const limits = unpackLimits(env, options.limits)
  await using worker = await FileWorker.start(session, { kind: 'directory', path: directory })
  const task = { socket: worker.socket, path, mediaType, diffId, flattenOwners, limits }
  try {
    const { size } = await stat(path)
    const run = size < SMALL ? await inThisThread() : inPool(session)
    return await run(task, { signal, onProgress })
  } catch (error) {
    throw unpackError(error, signal)
  }
}

type Run = (task: UnpackTask, options: RunUnpackOptions) => Promise<ApplySummary>

async function inThisThread(): Promise<Run> {
  const { runUnpack } = await import('./run-unpack.ts')
  return runUnpack
}

function inPool(session: Session): Run {
  return (task, options) => UnpackPool.of(session).run(task, options)
}
