/** Gathers a number of bytes out of chunks that end anywhere. */
export class BlockCollector {
  #wanted: number
  #parts: Buffer[] = []
  #have = 0
  /** Bytes that the last `take` consumed. */
  used = 0

  constructor(wanted: number) {
    this.#wanted = wanted
  }

  /** Nothing was gathered since the last complete block. */
  get empty(): boolean {
    return this.#have === 0
  }

  /** How many bytes the next block has. Only to be called between blocks. */
  want(size: number): void {
    this.#wanted = size
  }

  /** The block, when it is complete: a part of the chunk where it can be, without copying. */
  take(chunk: Buffer, from: number): Buffer | undefined {
    const part = chunk.subarray(from, from + this.#wanted - this.#have)
    this.used = part.length
    if (part.length === this.#wanted) return part
    // The caller may use the chunk's memory again.
    this.#parts.push(Buffer.from(part))
    this.#have += part.length
    if (this.#have < this.#wanted) return undefined
    const block = Buffer.concat(this.#parts)
    this.#parts = []
    this.#have = 0
    return block
  }
}
