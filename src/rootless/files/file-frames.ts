/** Bytes before a body: size and type. */
export const FILE_HEADER = 5

/** Largest body of a `data` frame, in bytes. */
export const DATA_MAX = 16 * 1024 * 1024

/** Largest body of any other frame. */
export const FILE_FRAME_MAX = 1024 * 1024

/** Types of frames of docs/files.md. */
export const fileFrames = {
  begin: 1,
  entry: 2,
  data: 3,
  hole: 4,
  finish: 5,
  read: 6,
  stat: 7,
  remove: 8,
  usage: 9,
  done: 100,
  error: 101,
} as const

/** One frame. The body may be a view of a larger buffer, which nobody writes to again. */
export interface FileFrame {
  readonly type: number
  readonly body: Buffer
}

/**
 * Cuts chunks into frames. A body that lies within one chunk is a view of it; others are copied once.
 *
 * @throws {RangeError} for a body over 16 MiB
 */
export class FileFrameReader {
  readonly #header = Buffer.alloc(FILE_HEADER)
  #headerFill = 0
  #body: Buffer | undefined
  #bodyFill = 0;

  *read(chunk: Buffer): Generator<FileFrame, void, undefined> {
    let at = 0
    while (at < chunk.length) {
      const whole = this.#headerFill === 0 ? wholeFrame(chunk, at) : undefined
      if (whole) {
        at += FILE_HEADER + whole.body.length
        yield whole
        continue
      }
      at = this.#fill(chunk, at)
      if (this.#body && this.#bodyFill === this.#body.length) yield this.#finish(this.#body)
    }
  }

  #fill(chunk: Buffer, start: number): number {
    let at = start
    if (!this.#body) {
      const copied = chunk.copy(this.#header, this.#headerFill, at)
      this.#headerFill += copied
      at += copied
      if (this.#headerFill < FILE_HEADER) return at
      this.#body = Buffer.allocUnsafe(checkedSize(this.#header.readUInt32LE(0)))
    }
    const copied = chunk.copy(this.#body, this.#bodyFill, at)
    this.#bodyFill += copied
    return at + copied
  }

  #finish(body: Buffer): FileFrame {
    this.#headerFill = 0
    this.#body = undefined
    this.#bodyFill = 0
    return { type: this.#header.readUInt8(4), body }
  }
}

function wholeFrame(chunk: Buffer, at: number): FileFrame | undefined {
  const start = at + FILE_HEADER
  if (start > chunk.length) return undefined
  const size = checkedSize(chunk.readUInt32LE(at))
  if (start + size > chunk.length) return undefined
  return { type: chunk.readUInt8(at + 4), body: chunk.subarray(start, start + size) }
}

function checkedSize(size: number): number {
  if (size > DATA_MAX) throw new RangeError(`A frame of ${size} bytes is over the limit of ${DATA_MAX}`)
  return size
}
