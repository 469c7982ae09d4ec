import { overLimit } from '../tar/tar-error.ts'
import { checkMediaType, detectCompression, MAGIC_BYTES } from './compression.ts'
import { decompress } from './decompress.ts'
import { peekStream } from './peek-stream.ts'
import type { UnpackLimits } from './unpack-limits.ts'

/** How {@link unpackedStream} reads. */
export interface UnpackedStreamOptions {
  readonly limits: UnpackLimits
  /** What the manifest says; it is compared with the bytes. */
  readonly mediaType?: string | undefined
  /** Told how many compressed bytes were taken so far. */
  readonly onRead?: ((bytes: number) => void) | undefined
}

/**
 * An archive's bytes, decompressed if need be: what the first bytes say counts.
 *
 * @throws {AirplantError} while it is read: `ERR_INVALID_ARCHIVE`, `ERR_INVALID_IMAGE` (media type), `ERR_ARCHIVE_LIMIT` (size or ratio)
 */
export async function* unpackedStream(
  source: AsyncIterable<Buffer>,
  options: UnpackedStreamOptions,
): AsyncGenerator<Buffer> {
  const { limits } = options
  let read = 0
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      read += chunk.length
      options.onRead?.(read)
      yield chunk
    }
  }
  const { head, stream } = await peekStream(counted(), MAGIC_BYTES)
  const compression = detectCompression(head)
  checkMediaType(options.mediaType, compression)
  let size = 0
  for await (const chunk of decompress(stream, compression, limits.windowBytes)) {
    size += chunk.length
    if (size > limits.bytes) throw overLimit(`It has more than ${limits.bytes} bytes`, 'limits.bytes')
    if (size > limits.ratioFrom && size > limits.ratio * read) {
      throw overLimit(`It grows to more than ${limits.ratio} times its compressed size`, 'limits.ratio')
    }
    yield chunk
  }
}
