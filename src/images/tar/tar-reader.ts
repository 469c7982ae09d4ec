import { BlockCollector } from './block-collector.ts'
import { buildEntry, type BuiltEntry } from './build-entry.ts'
import { applyPax, globalPax, type PaxOverrides } from './pax-overrides.ts'
import { decodePax } from './pax-records.ts'
import { checkSparse, OldSparseReader, SparseCursor, SparseMapReader, type SparseFile } from './sparse-map.ts'
import { BLOCK, type TarEntry, type TarEvent } from './tar-entry.ts'
import { invalidArchive, overLimit } from './tar-error.ts'
import { decodeHeader, isZeroBlock, text, type TarHeader } from './tar-header.ts'

/** How a reader is to read. */
export interface TarReaderOptions {
  /** Most bytes of the PAX headers and long names of one entry. @default 1_048_576, as in Go for one header */
  readonly headerBytes?: number
}

/**
 * Reads a tar archive of any dialect (v7, ustar, GNU, star, PAX; sparse files in all four forms) from chunks of any size. It
 * keeps no more than a header in memory, copies no content, and knows nothing of streams.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`, and `ERR_ARCHIVE_LIMIT` for headers that are too large
 *
 * @example
 * const reader = new TarReader()
 * for await (const chunk of createReadStream('layer.tar')) {
 *   for (const event of reader.write(chunk)) if (event.type === 'entry') console.log(event.entry.name)
 * }
 * reader.end()
 */
export class TarReader {
  readonly #headerBytes: number
  readonly #blocks = new BlockCollector(BLOCK)
  /** Takes the next block, and gives the entry that is complete with it. */
  #take: ((block: Buffer) => TarEntry | undefined) | undefined
  /** Bytes that came so far, and where the header is that is being worked on. */
  #position = 0
  #at = 0
  /** Bytes of content, then of padding, that come before the next block. */
  #left = 0
  #padding = 0
  /** What comes is not handed out. */
  #skipping = false
  #cursor: SparseCursor | undefined
  #global: PaxOverrides = {}
  #said: PaxOverrides | undefined
  /** Bytes of all that was said of the next entry. */
  #saidBytes = 0
  #zeroBlocks = 0

  constructor(options: TarReaderOptions = {}) {
    this.#headerBytes = options.headerBytes ?? 1_048_576
  }

  /** Whether the archive's end mark was read. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2
  }

  /** What this chunk says. The buffers of `data` are parts of the chunk. */
  *write(chunk: Buffer): Generator<TarEvent, void, undefined> {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const data = chunk.subarray(at, at + this.#left)
        at += this.#advance(data.length)
        this.#left -= data.length
        if (this.#cursor) yield* this.#cursor.take(data)
        else if (!this.#skipping) yield { type: 'data', data }
        if (this.#left === 0) yield* this.#finishContent()
      } else if (this.ended) {
        this.#checkRest(chunk.subarray(at))
        at += this.#advance(chunk.length - at)
      } else {
        const block = this.#blocks.take(chunk, at)
        at += this.#advance(this.#blocks.used)
        const entry = block && (this.#take ? this.#take(block) : this.#takeHeader(block))
        if (entry) yield { type: 'entry', entry }
        if (entry && this.#left === 0) yield* this.#finishContent()
      }
    }
  }

  /**
   * To be called after the last chunk.
   *
   * @param strict the end mark (two blocks of zeros) must be there; where a digest vouches for the bytes it may be missing, as
   *   all programs allow
   * @throws {AirplantError} `ERR_INVALID_ARCHIVE` when the archive is cut short
   */
  end(strict = true): void {
    const between = this.#left === 0 && !this.#take && this.#blocks.empty && !this.#said
    if (this.ended || (between && !strict)) return
    throw invalidArchive(`It is cut short after ${this.#position} bytes`)
  }

  #advance(size: number): number {
    this.#position += size
    return size
  }

  #takeHeader(block: Buffer): TarEntry | undefined {
    this.#at = this.#position - BLOCK
    if (isZeroBlock(block)) {
      if (this.#said) throw invalidArchive(`The header at byte ${this.#at} describes no entry`)
      this.#zeroBlocks++
      return undefined
    }
    if (this.#zeroBlocks > 0) throw invalidArchive(`Something follows its end mark at byte ${this.#at}`)
    const header = decodeHeader(block, this.#at)
    if ('xXgLK'.includes(header.flag)) this.#expectLong(header)
    else if (header.flag === 'V') this.#startContent(header.size, undefined, true)
    else if (header.flag === 'S') return this.#takeOldSparse(header, block)
    else return this.#takeEntry(header)
    return undefined
  }

  /** A header whose content is about the entry after it. */
  #expectLong(header: TarHeader): void {
    this.#saidBytes += header.size
    if (this.#saidBytes > this.#headerBytes) {
      const kind = header.flag === 'L' || header.flag === 'K' ? 'long name' : 'PAX header'
      const reason = `The ${kind} at byte ${this.#at} has ${header.size} bytes, with those before it ${this.#saidBytes}`
      throw overLimit(reason, `limits.headerBytes (${this.#headerBytes})`)
    }
    if (header.size === 0) return
    this.#expect(Math.ceil(header.size / BLOCK) * BLOCK, (blocks) => {
      this.#expect(BLOCK, undefined)
      this.#takeLong(header.flag, blocks.subarray(0, header.size))
      return undefined
    })
  }

  #takeLong(flag: string, bytes: Buffer): void {
    if (flag === 'g') {
      this.#global = { ...this.#global, ...globalPax(decodePax(bytes, this.#at), this.#at) }
      return
    }
    this.#said ??= { ...this.#global }
    if (flag === 'L') this.#said.name = text(bytes, [0, bytes.length])
    else if (flag === 'K') this.#said.linkName = text(bytes, [0, bytes.length])
    else applyPax(this.#said, decodePax(bytes, this.#at), this.#at)
  }

  #takeEntry(header: TarHeader): TarEntry | undefined {
    this.#saidBytes = 0
    const built = buildEntry(header, this.#said ?? this.#global, this.#at)
    this.#said = undefined
    if (built.mapFirst) {
      this.#expectMap(built)
      return undefined
    }
    const { stretches, stored, entry } = built
    this.#startContent(stored, stretches && { stretches, size: entry.size }, built.ignored)
    return entry
  }

  #takeOldSparse(header: TarHeader, block: Buffer): TarEntry | undefined {
    const { entry, stored } = buildEntry(header, this.#said ?? this.#global, this.#at)
    this.#said = undefined
    this.#saidBytes = 0
    const map = new OldSparseReader(block, this.#at)
    const take = (next?: Buffer): TarEntry | undefined => {
      if (next) map.take(next)
      if (map.more) {
        this.#expect(BLOCK, take)
        return undefined
      }
      this.#startContent(stored, { stretches: map.stretches, size: map.size }, false)
      return { ...entry, size: map.size }
    }
    return take()
  }

  #expectMap({ entry, stored }: BuiltEntry): void {
    const map = new SparseMapReader(this.#at)
    let left = stored
    const take = (block: Buffer): TarEntry | undefined => {
      left -= BLOCK
      const stretches = map.take(block)
      if (left < 0) throw invalidArchive(`The sparse map at byte ${this.#at} is longer than its file`)
      if (!stretches) return undefined
      this.#startContent(left, { stretches, size: entry.size }, false)
      return entry
    }
    this.#expect(BLOCK, take)
  }

  #expect(size: number, take: ((block: Buffer) => TarEntry | undefined) | undefined): void {
    this.#blocks.want(size)
    this.#take = take
  }

  #startContent(size: number, sparse: SparseFile | undefined, skipping: boolean): void {
    if (sparse) checkSparse(sparse, size, this.#at)
    this.#expect(BLOCK, undefined)
    this.#left = size
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK
    this.#cursor = sparse && new SparseCursor(sparse)
    this.#skipping = skipping
  }

  *#finishContent(): Generator<TarEvent, void, undefined> {
    if (this.#cursor) yield* this.#cursor.end()
    this.#cursor = undefined
    this.#left = this.#padding
    this.#padding = 0
    this.#skipping = true
  }

  /** Programs fill their last record with zeros. */
  #checkRest(rest: Buffer): void {
    if (rest.some((byte) => byte !== 0)) {
      throw invalidArchive(`Something follows its end mark after byte ${this.#position}`)
    }
  }
}
