import type { Duplex } from 'node:stream'
import * as zlib from 'node:zlib'
import { isAirplantError } from '../../errors.ts'
import { invalidArchive } from '../tar/tar-error.ts'
import type { Compression } from './compression.ts'
import { throughCodec } from './stream-codec.ts'
import { ZstdFrames } from './zstd-frames.ts'

/** Bytes that come out at a time. */
const CHUNK = 64 * 1024

/**
 * Decompresses a stream while it comes.
 *
 * @param windowBytes most memory that a Zstandard frame may ask for
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE` for damaged or cut streams and for what follows them, `ERR_ARCHIVE_LIMIT`
 */
export function decompress(
  source: AsyncIterable<Buffer>,
  compression: Compression,
  windowBytes: number,
): AsyncIterable<Buffer> {
  if (compression === 'gzip') return gunzip(source)
  if (compression === 'zstd') return unzstd(source, windowBytes)
  return source
}

async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = zlib.createGunzip({ chunkSize: CHUNK })
  let came = 0
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      came += chunk.length
      yield chunk
    }
  }
  yield* throughCodec(counted(), gunzip, (error) => damaged('gzip', error))
  // zlib stops without a word at what is no further member.
  if (gunzip.bytesWritten < came) {
    throw invalidArchive(`Something follows its gzip stream, from byte ${gunzip.bytesWritten} on`)
  }
}

async function* unzstd(source: AsyncIterable<Buffer>, windowBytes: number): AsyncGenerator<Buffer> {
  const checked = checkFrames(source, windowBytes)
  const native = nativeZstd(windowBytes)
  yield* native ? throughCodec(checked, native, (error) => damaged('Zstandard', error)) : unzstdInScript(checked)
}

async function* checkFrames(source: AsyncIterable<Buffer>, windowBytes: number): AsyncGenerator<Buffer> {
  const frames = new ZstdFrames(windowBytes)
  for await (const chunk of source) {
    // Node's decoder drops what follows a frame in the same write (https://github.com/nodejs/node/issues/64741).
    yield* frames.split(chunk)
  }
  frames.end()
}

/** From Node 22.15 and 23.8 on. */
function nativeZstd(windowBytes: number): Duplex | undefined {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: object) => Duplex }
  const { ZSTD_d_windowLogMax: key } = zlib.constants as { ZSTD_d_windowLogMax?: number }
  if (!createZstdDecompress || key === undefined) return undefined
  const log = Math.min(31, Math.max(10, Math.ceil(Math.log2(windowBytes))))
  return createZstdDecompress({ chunkSize: CHUNK, params: { [key]: log } })
}

async function* unzstdInScript(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { Decompress } = await import('fzstd')
  let out: Buffer[] = []
  const decoder = new Decompress((bytes) => {
    if (bytes.length > 0) out.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  })
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += STEP) {
      decode(() => {
        decoder.push(chunk.subarray(at, at + STEP))
      })
      yield* out
      out = []
    }
  }
  decode(() => {
    decoder.push(new Uint8Array(0), true)
  })
  yield* out
}

/** Bytes that fzstd is given at a time: it decompresses all blocks that end in them, and four bytes may be 128 KiB of zeros. */
const STEP = 512

function decode(work: () => void): void {
  try {
    work()
  } catch (error) {
    throw damaged('Zstandard', error)
  }
}

function damaged(name: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException
  const isCodecs = typeof code !== 'string' || /^(Z_|ZSTD_|ERR_ZSTD|ERR_BUFFER)/.test(code)
  if (isAirplantError(error) || !isCodecs) return error as Error
  return code === 'Z_BUF_ERROR'
    ? invalidArchive(`Its ${name} stream is cut short`)
    : invalidArchive(`Its ${name} stream is damaged (${message})`)
}
