import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { AirplantError } from '../../errors.ts'
import { ociLayerTypes } from '../media-types.ts'
import type { Compression } from './compression.ts'
import { throughCodec } from './stream-codec.ts'
import { tarBytes, type PackItem } from './tar-bytes.ts'

/** How {@link packLayer} writes. */
export interface PackOptions {
  /** Zstandard needs a Node that has it (22.15 or newer). @default 'gzip' */
  readonly compression?: Compression
  /** Keep fractions of seconds, which costs a PAX header for each file. @default false, as docker does */
  readonly fractions?: boolean
}

/** An archive in the making. */
export interface PackedLayer {
  /** Its bytes. Destroying it ends the reading of the items. */
  readonly stream: Readable
  /** What it came to, once the stream was read to its end; rejects with the stream. */
  readonly result: Promise<PackResult>
}

/** What a finished archive is known by. */
export interface PackResult {
  /** Of the bytes of the stream. */
  readonly digest: string
  /** Of the archive without compression. */
  readonly diffId: string
  /** Bytes of the stream. */
  readonly size: number
  /** Media type of OCI for a layer of this kind. */
  readonly mediaType: string
}

/**
 * Makes a layer's tar archive of files: whiteouts get their `.wh.` names, extended attributes and long names go into PAX headers. The same
 * items give the same bytes.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` for Zstandard without support in Node
 *
 * @example
 * const { stream, result } = packLayer(channel.read('', { raw: true }), { compression: 'gzip' })
 * await pipeline(stream, createWriteStream('layer.tar.gz'))
 * const { digest, diffId } = await result
 */
export function packLayer(items: AsyncIterable<PackItem>, options: PackOptions = {}): PackedLayer {
  const { compression = 'gzip', fractions = false } = options
  const diff = new Measure()
  const blob = new Measure()
  const compressed = compress(diff.through(tarBytes(items, fractions)), compression)
  const stream = Readable.from(blob.through(compressed), { objectMode: false, highWaterMark: 256 * 1024 })
  const result = new Promise<PackResult>((resolve, reject) => {
    stream.once('end', () => {
      resolve({ digest: blob.digest(), diffId: diff.digest(), size: blob.size, mediaType: ociLayerTypes[compression] })
    })
    // Leaving a loop over the stream destroys it with such an error.
    stream.once('error', (error) => reject(error.name === 'AbortError' ? closed() : error))
    stream.once('close', () => reject(closed()))
  })
  // Whoever only pipes the stream learns of errors there.
  result.catch(() => undefined)
  return { stream, result }
}

/** Counts and hashes what passes. */
class Measure {
  readonly #hash = createHash('sha256')
  size = 0

  async *through(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      this.#hash.update(chunk)
      this.size += chunk.length
      yield chunk
    }
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`
  }
}

function compress(bytes: AsyncIterable<Buffer>, compression: Compression): AsyncIterable<Buffer> {
  if (compression === 'none') return bytes
  const { createZstdCompress } = zlib as { createZstdCompress?: (options: object) => zlib.Gzip }
  const options = { chunkSize: 256 * 1024 }
  if (compression === 'gzip') return throughCodec(bytes, zlib.createGzip(options), (error) => error)
  if (createZstdCompress) return throughCodec(bytes, createZstdCompress(options), (error) => error)
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot compress by Zstandard: Node ${process.version} does not have it`,
    hint: 'Use gzip, or Node 22.15 or newer',
  })
}

function closed(): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    message: 'Cannot finish the archive: its stream was closed before the end',
    hint: 'Read the stream to its end',
  })
}
