import { AirplantError } from '../../errors.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import { invalidArchive } from '../tar/tar-error.ts'

/** How an archive is packed. */
export type Compression = 'none' | 'gzip' | 'zstd'

/** How many of an archive's first bytes {@link detectCompression} needs. */
export const MAGIC_BYTES = 6

/**
 * Tells it from the first bytes.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE` for compressions that images do not use
 */
export function detectCompression(bytes: Buffer): Compression {
  if (startsWith(bytes, [0x1f, 0x8b])) return 'gzip'
  if (startsWith(bytes, [0x28, 0xb5, 0x2f, 0xfd])) return 'zstd'
  // A skippable frame, with which zstd:chunked and others may begin.
  if ((bytes[0]! & 0xf0) === 0x50 && startsWith(bytes.subarray(1), [0x2a, 0x4d, 0x18])) return 'zstd'
  for (const [program, magic] of foreign) {
    if (startsWith(bytes, magic)) {
      throw invalidArchive(`It is compressed by ${program}`, `Decompress it first, for example with "${program} -dc"`)
    }
  }
  return 'none'
}

/**
 * Compares it with what the manifest says; a media type without a word on compression may mean any.
 *
 * @throws {AirplantError} `ERR_INVALID_IMAGE`
 */
export function checkMediaType(mediaType: string | undefined, found: Compression): void {
  const said = mediaType === undefined ? undefined : compressionOf(mediaType)
  if (said === undefined || said === found) return
  throw new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    message: `Cannot unpack the layer: its media type ${quoteBriefly(mediaType)} means ${named[said]}, but it is ${named[found]}`,
    phase: 'unpack',
    hint: 'The image was put together wrongly: build or push it again',
  })
}

const foreign = [
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['compress', [0x1f, 0x9d]],
] as const

const named: Readonly<Record<Compression, string>> = { none: 'not compressed', gzip: 'gzip', zstd: 'Zstandard' }

function compressionOf(mediaType: string): Compression | undefined {
  if (/[+.](gzip|tgz)$/.test(mediaType)) return 'gzip'
  if (/[+.]zstd$/.test(mediaType)) return 'zstd'
  return /\.tar$/.test(mediaType) ? 'none' : undefined
}

function startsWith(bytes: Buffer, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte)
}
