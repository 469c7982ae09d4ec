import { invalidArchive, overLimit } from '../tar/tar-error.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50
const NOTHING = Buffer.alloc(0)

/** RFC 8878, section 3.1.1.2.3. */
const BLOCK_MAX = 128 * 1024

/**
 * Follows a Zstandard stream from frame to frame without decompressing (RFC 8878, section 3.1): tells a frame's window before a decoder
 * gives it memory, and whether the stream is whole.
 */
export class ZstdFrames {
  readonly #windowBytes: number
  #buffer = NOTHING
  /** Bytes to pass over before the next header. */
  #skip = 0
  #next: (bytes: Buffer) => number | undefined = (bytes) => this.#frame(bytes)
  #hasChecksum = false
  /** No frame has begun that has not ended. */
  #between = true

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
  }

  /**
   * The chunk in parts that end where a frame ends.
   *
   * @throws {AirplantError} `ERR_ARCHIVE_LIMIT` for a window over the limit, `ERR_INVALID_ARCHIVE`
   */
  split(chunk: Buffer): Buffer[] {
    const parts: Buffer[] = []
    let given = 0
    let rest = chunk
    while (rest.length > 0) {
      rest = this.#advance(rest)
      // What is left is always the chunk's end.
      const at = chunk.length - rest.length
      if (at > given && (rest.length === 0 || this.#isBetween())) {
        parts.push(chunk.subarray(given, at))
        given = at
      }
    }
    return parts
  }

  /** @throws {AirplantError} `ERR_INVALID_ARCHIVE` when the last frame is not whole */
  end(): void {
    if (this.#isBetween()) return
    throw invalidArchive('Its Zstandard stream is cut short')
  }

  #isBetween(): boolean {
    return this.#skip === 0 && this.#buffer.length === 0 && this.#between
  }

  /** Passes over content, or reads the next header; what is left of the bytes. */
  #advance(rest: Buffer): Buffer {
    if (this.#skip > 0) {
      const passed = Math.min(this.#skip, rest.length)
      this.#skip -= passed
      return rest.subarray(passed)
    }
    const bytes = this.#buffer.length === 0 ? rest : Buffer.concat([this.#buffer, rest])
    const used = this.#next(bytes)
    this.#buffer = used === undefined ? Buffer.from(bytes) : NOTHING
    return used === undefined ? NOTHING : bytes.subarray(used)
  }

  /** Each of these reads one header: the bytes that it took, or undefined when there are too few. */
  #frame(bytes: Buffer): number | undefined {
    if (bytes.length < 8) return undefined
    const magic = bytes.readUInt32LE(0)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      this.#skip = bytes.readUInt32LE(4)
      return 8
    }
    if (magic !== MAGIC) throw invalidArchive('Something that is no Zstandard frame follows in its stream')
    return this.#frameHeader(bytes)
  }

  #frameHeader(bytes: Buffer): number | undefined {
    const descriptor = bytes[4]!
    const single = (descriptor & 0x20) !== 0
    const sizeFlag = descriptor >> 6
    const dictionary = [0, 1, 2, 4][descriptor & 3]!
    const sizeBytes = sizeFlag === 0 ? Number(single) : 1 << sizeFlag
    const sizeAt = 5 + Number(!single) + dictionary
    if (bytes.length < sizeAt + sizeBytes) return undefined
    const window = single ? contentSize(bytes, sizeAt, sizeBytes) : windowSize(bytes[5]!)
    if (window > this.#windowBytes) {
      throw overLimit(
        `A Zstandard frame asks for ${window} bytes of memory`,
        `limits.windowBytes (${this.#windowBytes})`,
      )
    }
    this.#hasChecksum = (descriptor & 4) !== 0
    this.#between = false
    this.#next = (block) => this.#block(block)
    return sizeAt + sizeBytes
  }

  #block(bytes: Buffer): number | undefined {
    if (bytes.length < 3) return undefined
    const header = bytes.readUIntLE(0, 3)
    const type = (header >> 1) & 3
    if (type === 3) throw invalidArchive('Its Zstandard stream has a block of an unknown type')
    const size = header >> 3
    if (size > BLOCK_MAX) throw invalidArchive('Its Zstandard stream has a block that is too large')
    this.#skip = type === 1 ? 1 : size
    if (header & 1) {
      if (this.#hasChecksum) this.#skip += 4
      this.#between = true
      this.#next = (frame) => this.#frame(frame)
    }
    return 3
  }
}

function contentSize(bytes: Buffer, at: number, size: number): number {
  if (size === 8) return Number(bytes.readBigUInt64LE(at))
  return size === 2 ? bytes.readUInt16LE(at) + 256 : bytes.readUIntLE(at, size)
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}
