import type { Readable } from 'node:stream'
import { AirplantError } from '../../errors.ts'

/** A blob's bytes for an upload: in parts, one after the other, and from the start again where a part did not get through. */
export class UploadSource {
  readonly #open: () => Readable
  readonly #onProgress: ((done: number) => void) | undefined
  #stream: Readable | undefined
  #chunks: AsyncIterator<Buffer> | undefined
  #rest: Buffer | undefined
  #position = 0
  /** Counts the parts: an older one that is still pulled on gives nothing more. */
  #turn = 0
  #isWhole = false

  constructor(open: () => Readable, onProgress?: (done: number) => void) {
    this.#open = open
    this.#onProgress = onProgress
  }

  /**
   * Bytes from `offset`, exactly `length` of them.
   *
   * @throws {AirplantError} `ERR_DIGEST_MISMATCH` when there are not as many
   */
  async *part(offset: number, length: number): AsyncGenerator<Buffer> {
    const turn = ++this.#turn
    await this.#seek(offset, turn)
    this.#isWhole = false
    for (let left = length; left > 0;) {
      const chunk = await this.#next()
      if (turn !== this.#turn) return
      if (!chunk) throw tooShort(this.#position)
      const piece = chunk.subarray(0, left)
      this.#rest = chunk.length > left ? chunk.subarray(left) : undefined
      left -= piece.length
      this.#position += piece.length
      this.#isWhole = left === 0
      this.#onProgress?.(this.#position)
      yield piece
    }
  }

  /** Ends the stream that is open. */
  close(): void {
    this.#turn++
    this.#stream?.destroy()
    this.#stream = undefined
  }

  async #seek(offset: number, turn: number): Promise<void> {
    if (this.#stream && this.#isWhole && this.#position === offset) return
    this.#stream?.destroy()
    this.#stream = this.#open()
    this.#stream.on('error', () => undefined)
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    this.#rest = undefined
    this.#position = 0
    while (this.#position < offset && turn === this.#turn) {
      const chunk = await this.#next()
      if (!chunk) throw tooShort(this.#position)
      const skipped = Math.min(chunk.length, offset - this.#position)
      this.#position += skipped
      this.#rest = skipped < chunk.length ? chunk.subarray(skipped) : undefined
    }
  }

  async #next(): Promise<Buffer | undefined> {
    const rest = this.#rest
    this.#rest = undefined
    if (rest) return rest
    const next = await this.#chunks!.next()
    return next.done ? undefined : next.value
  }
}

function tooShort(position: number): AirplantError {
  return new AirplantError({
    code: 'ERR_DIGEST_MISMATCH',
    phase: 'push',
    message: `Cannot push a blob: it has only ${position} bytes, fewer than its descriptor says`,
    hint: 'It was changed while it was pushed; save or commit the image again',
  })
}
