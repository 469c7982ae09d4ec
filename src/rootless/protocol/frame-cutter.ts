/** How frames look: a header that begins with the body's size (u32, little endian), then the body. */
export interface FrameFormat<Frame> {
  /** Bytes of a header. */
  readonly header: number
  /** Largest body, in bytes. */
  readonly most: number
  /** A frame of the header that begins at `at`. */
  readonly make: (bytes: Buffer, at: number, body: Buffer) => Frame
}

/**
 * Cuts a stream of chunks into frames. A body that lies within one chunk is a view of it; others are copied once.
 *
 * @example
 * const reader = new FrameCutter({ header: 5, most: 1024, make: (bytes, at, body) => ({ type: bytes[at + 4], body }) })
 * socket.on('data', (chunk) => {
 *   for (const frame of reader.read(chunk)) handle(frame)
 * })
 */
export class FrameCutter<Frame> {
  readonly #format: FrameFormat<Frame>
  readonly #header: Buffer
  #headerFill = 0
  #body: Buffer | undefined
  #bodyFill = 0

  constructor(format: FrameFormat<Frame>) {
    this.#format = format
    this.#header = Buffer.alloc(format.header)
  }

  /** The frames that end in this chunk. Throws a RangeError for one over the limit; the reader is of no use afterwards. */
  *read(chunk: Buffer): Generator<Frame, void, undefined> {
    const { header, make } = this.#format
    let at = 0
    while (at < chunk.length) {
      const body = this.#headerFill === 0 ? this.#wholeBody(chunk, at + header) : undefined
      if (body) {
        yield make(chunk, at, body)
        at += header + body.length
        continue
      }
      at = this.#fill(chunk, at)
      if (this.#body && this.#bodyFill === this.#body.length) yield this.#finish(this.#body)
    }
  }

  #wholeBody(chunk: Buffer, start: number): Buffer | undefined {
    if (start > chunk.length) return undefined
    const size = this.#sizeAt(chunk, start - this.#format.header)
    return start + size > chunk.length ? undefined : chunk.subarray(start, start + size)
  }

  #fill(chunk: Buffer, start: number): number {
    let at = start
    if (!this.#body) {
      const copied = chunk.copy(this.#header, this.#headerFill, at)
      this.#headerFill += copied
      at += copied
      if (this.#headerFill < this.#header.length) return at
      this.#body = Buffer.allocUnsafe(this.#sizeAt(this.#header, 0))
    }
    const copied = chunk.copy(this.#body, this.#bodyFill, at)
    this.#bodyFill += copied
    return at + copied
  }

  #finish(body: Buffer): Frame {
    this.#headerFill = 0
    this.#body = undefined
    this.#bodyFill = 0
    return this.#format.make(this.#header, 0, body)
  }

  #sizeAt(bytes: Buffer, at: number): number {
    const size = bytes.readUInt32LE(at)
    if (size > this.#format.most) {
      throw new RangeError(`A frame of ${size} bytes is over the limit of ${this.#format.most}`)
    }
    return size
  }
}
