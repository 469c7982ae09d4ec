import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { ApplySummary } from '../../rootless/files/apply-options.ts'
import { FileChannel } from '../../rootless/files/file-channel.ts'
import { AirplantError } from '../../errors.ts'
import { applyTar } from './apply-tar.ts'
import type { UnpackTask } from './unpack-task.ts'
import { unpackedStream } from './unpacked-stream.ts'

/** Bytes that are read from the blob at a time. */
const CHUNK = 64 * 1024

/** Milliseconds between two reports of progress. */
const PROGRESS_INTERVAL = 100

/** How {@link runUnpack} is watched and ended. */
export interface RunUnpackOptions {
  /** Told now and then how many compressed bytes were taken. */
  readonly onProgress?: ((bytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Unpacks a blob through a file worker, in whatever thread it is called.
 *
 * @throws {AirplantError} `ERR_DIGEST_MISMATCH` and all that {@link applyTar} and {@link unpackedStream} throw
 */
export async function runUnpack(task: UnpackTask, options: RunUnpackOptions = {}): Promise<ApplySummary> {
  const { path, mediaType, diffId, limits, flattenOwners } = task
  const hash = createHash(diffId.slice(0, diffId.indexOf(':')))
  const channel = await FileChannel.connect(task.socket)
  const { signal, onProgress } = options
  const end = (): void => channel.close()
  signal?.addEventListener('abort', end)
  const source = createReadStream(path, { highWaterMark: CHUNK, signal }) as AsyncIterable<Buffer>
  try {
    const bytes = unpackedStream(source, { mediaType, limits, onRead: onProgress && throttled(onProgress) })
    const summary = await applyTar(hashed(bytes, hash), channel, {
      limits,
      apply: { mode: 'layer', base: '', flattenOwners, overwrite: true },
      strict: false,
    })
    checkDigest(diffId, hash)
    return summary
  } finally {
    signal?.removeEventListener('abort', end)
    channel.close()
  }
}

async function* hashed(bytes: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    hash.update(chunk)
    yield chunk
  }
}

function checkDigest(diffId: string, hash: Hash): void {
  const found = `${diffId.slice(0, diffId.indexOf(':'))}:${hash.digest('hex')}`
  if (found === diffId) return
  throw new AirplantError({
    code: 'ERR_DIGEST_MISMATCH',
    message: `Cannot unpack the layer: its uncompressed digest is ${found}, but the configuration says ${diffId}`,
    phase: 'unpack',
    hint: 'The image was put together wrongly: build or push it again',
  })
}

function throttled(report: (bytes: number) => void): (bytes: number) => void {
  let last = 0
  return (bytes) => {
    const now = performance.now()
    if (now - last < PROGRESS_INTERVAL) return
    last = now
    report(bytes)
  }
}
