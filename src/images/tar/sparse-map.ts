import type { PaxRecord } from './pax-records.ts'
import { paxNumber, paxText } from './pax-overrides.ts'
import { number } from './tar-header.ts'
import type { TarEvent } from './tar-entry.ts'
import { invalidArchive, overLimit } from './tar-error.ts'

/** A stretch of a sparse file that is stored; between stretches are holes. */
export interface Stretch {
  readonly offset: number
  readonly size: number
}

/** A sparse file: what is stored of it, and how long it is with its holes. */
export interface SparseFile {
  readonly stretches: readonly Stretch[]
  readonly size: number
}

/** What the `GNU.sparse.*` records say. https://www.gnu.org/software/tar/manual/html_node/PAX-0.html */
export interface PaxSparse {
  readonly name: string | undefined
  readonly size: number | undefined
  /** Undefined in format 1.0: the map stands before the content. */
  readonly stretches: readonly Stretch[] | undefined
}

/** Stretches of one file that are kept in memory: 16 MB of them. Disk images of virtual machines stay far below. */
export const MOST_STRETCHES = 500_000

/** Reads the records of PAX sparse formats 0.0, 0.1 and 1.0. */
export function readPaxSparse(records: readonly PaxRecord[], at: number): PaxSparse {
  let name: string | undefined
  let size: number | undefined
  let version = '0'
  const numbers: number[] = []
  for (const [key, value] of records) {
    const field = key.slice('GNU.sparse.'.length)
    if (field === 'name') name = paxText(value, key, at)
    else if (field === 'size' || field === 'realsize') size = paxNumber(value, key, at)
    else if (field === 'major') version = value.toString('latin1')
    else if (field === 'offset' || field === 'numbytes') numbers.push(paxNumber(value, key, at))
    else if (field === 'map') for (const each of parseMap(value, key, at)) numbers.push(each)
  }
  if (version !== '0' && version !== '1') throw invalidArchive(`The sparse file at byte ${at} has an unknown format`)
  return { name, size, stretches: version === '0' ? pairs(numbers, at) : undefined }
}

/** Reads the map of format 1.0 block by block: decimal numbers each on a line, the count of pairs first. */
export class SparseMapReader {
  readonly #at: number
  readonly #blocks: Buffer[] = []
  #count: number | undefined
  #lines = 0

  constructor(at: number) {
    this.#at = at
  }

  /** The stretches when this block was the map's last, undefined before. */
  take(block: Buffer): Stretch[] | undefined {
    this.#count ??= this.#readCount(block)
    this.#blocks.push(Buffer.from(block))
    for (let at = block.indexOf(0x0a); at >= 0; at = block.indexOf(0x0a, at + 1)) this.#lines++
    if (this.#lines < 1 + 2 * this.#count) return undefined
    const lines = Buffer.concat(this.#blocks)
      .toString('latin1')
      .split('\n', 1 + 2 * this.#count)
    return pairs(
      lines.slice(1).map((line) => paxNumber(Buffer.from(line), 'sparse map', this.#at)),
      this.#at,
    )
  }

  #readCount(block: Buffer): number {
    const count = paxNumber(block.subarray(0, Math.max(0, block.indexOf(0x0a))), 'sparse map', this.#at)
    checkCount(count, this.#at)
    return count
  }
}

/** Reads the map of the old GNU format: four pairs in the header, 21 in each extension block. */
export class OldSparseReader {
  readonly #at: number
  readonly stretches: Stretch[] = []
  /** Of the file with its holes. */
  readonly size: number
  /** An extension block follows. */
  more: boolean

  constructor(header: Buffer, at: number) {
    this.#at = at
    this.size = number(header, [483, 12], 'size', at)
    this.#read(header, 386, 4)
    this.more = header[482] !== 0
  }

  take(block: Buffer): void {
    this.#read(block, 0, 21)
    checkCount(this.stretches.length, this.#at)
    this.more = block[504] !== 0
  }

  #read(block: Buffer, from: number, count: number): void {
    for (let start = from; start < from + 24 * count; start += 24) {
      if (block[start + 12] === 0) return
      const offset = number(block, [start, 12], 'sparse offset', this.#at)
      this.stretches.push({ offset, size: number(block, [start + 12, 12], 'sparse size', this.#at) })
    }
  }
}

/**
 * Checks that the stretches lie in order, in the file, and are exactly what is stored.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`
 */
export function checkSparse({ stretches, size }: SparseFile, stored: number, at: number): void {
  let end = 0
  let sum = 0
  for (const stretch of stretches) {
    if (stretch.offset < end || stretch.size < 0) throw invalidArchive(`The sparse map at byte ${at} is out of order`)
    end = stretch.offset + stretch.size
    sum += stretch.size
  }
  if (end > size || sum !== stored) throw invalidArchive(`The sparse map at byte ${at} does not fit its file`)
}

/** Refuses a map that would fill the memory. */
export function checkCount(count: number, at: number): void {
  if (count <= MOST_STRETCHES) return
  throw overLimit(
    `The sparse file at byte ${at} has more than ${MOST_STRETCHES} parts`,
    'nothing: write it without holes',
  )
}

/** Turns what is stored of a file into data and holes. */
export class SparseCursor {
  readonly #file: SparseFile
  #index = 0
  #position = 0

  constructor(file: SparseFile) {
    this.#file = file
  }

  *take(stored: Buffer): Generator<TarEvent> {
    let rest = stored
    while (rest.length > 0) {
      const { offset, size } = this.#file.stretches[this.#index]!
      yield* this.#hole(offset)
      const data = rest.subarray(0, offset + size - this.#position)
      if (data.length > 0) yield { type: 'data', data }
      this.#position += data.length
      rest = rest.subarray(data.length)
      if (this.#position === offset + size) this.#index++
    }
  }

  /** After everything stored was taken. */
  end(): Generator<TarEvent> {
    return this.#hole(this.#file.size)
  }

  *#hole(until: number): Generator<TarEvent> {
    if (until > this.#position) yield { type: 'hole', size: until - this.#position }
    this.#position = Math.max(this.#position, until)
  }
}

function parseMap(value: Buffer, key: string, at: number): number[] {
  if (value.length === 0) return []
  const parts = value.toString('latin1').split(',')
  checkCount(parts.length / 2, at)
  return parts.map((part) => paxNumber(Buffer.from(part), key, at))
}

function pairs(numbers: readonly number[], at: number): Stretch[] {
  checkCount(numbers.length / 2, at)
  if (numbers.length % 2 !== 0) throw invalidArchive(`The sparse map at byte ${at} is malformed`)
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index]!,
    size: numbers[2 * index + 1]!,
  }))
}
