import { FieldReader, FieldWriter } from '../protocol/fields.ts'
import { decodeEntry } from './decode-entry.ts'
import type { FileConnection } from './file-connection.ts'
import type { FileEntry } from './file-entry.ts'
import type { FileFrame } from './file-frames.ts'
import { FILE_HEADER, fileFrames } from './file-frames.ts'
import { holeOf } from './holes.ts'
import type { FileItem, ReadOptions } from './read-options.ts'

/**
 * Reads a file, or a directory with all below it. What the caller does not take is taken and thrown away, so that the connection can be
 * used again.
 */
export async function* readFiles(
  connection: FileConnection,
  path: string,
  options: ReadOptions,
): AsyncGenerator<FileItem, void, undefined> {
  const release = await takeTurn(connection)
  const reading = new Reading(connection, options.data ?? true)
  try {
    connection.send(fileFrames.read, new FieldWriter(FILE_HEADER, 64).s(path).u(flagsOf(options)))
    for (let item = await reading.next(); item; item = await reading.next()) yield item
  } finally {
    if (options.closing && !reading.isOver) connection.close()
    await reading.drain()
    release()
  }
}

function flagsOf({ raw, oneFileSystem = false, data = true }: ReadOptions): number {
  return Number(raw) * 1 + Number(oneFileSystem) * 2 + Number(!data) * 4
}

/** Resolves when no other request is under way, with what ends this one. */
function takeTurn(connection: FileConnection): Promise<() => void> {
  return new Promise((resolve) => {
    const hold = (release: () => void): void => resolve(release)
    void connection.exclusive(() => new Promise<void>(hold))
  })
}

/** The answer to one `read`. */
class Reading {
  readonly #connection: FileConnection
  readonly #withData: boolean
  /** Bytes of the current file that did not come yet. */
  #left = 0
  /** Bytes of the current hole that were not given yet. */
  #hole = 0
  #isOver = false
  #current: FileEntry | undefined

  constructor(connection: FileConnection, withData: boolean) {
    this.#connection = connection
    this.#withData = withData
  }

  async next(): Promise<FileItem | undefined> {
    while (this.#left > 0) await this.#piece()
    const frame = await this.#frame()
    if (frame.type === fileFrames.done) {
      this.#isOver = true
      return undefined
    }
    if (frame.type !== fileFrames.entry) throw this.#unexpected(frame)
    const entry = decodeEntry(frame.body)
    this.#current = entry
    this.#left = this.#withData ? entry.size : 0
    return { entry, data: this.#data(entry) }
  }

  get isOver(): boolean {
    return this.#isOver
  }

  async drain(): Promise<void> {
    try {
      while (!this.#isOver) this.#isOver = (await this.#frame()).type === fileFrames.done
    } catch {
      // It ended with an error, or with the connection: nothing more comes.
    }
  }

  async *#data(entry: FileEntry): AsyncGenerator<Buffer, void, undefined> {
    while (this.#current === entry && this.#left > 0) yield await this.#piece()
  }

  /** The next bytes of the current file. */
  async #piece(): Promise<Buffer> {
    if (this.#hole === 0) {
      const frame = await this.#frame()
      if (frame.type === fileFrames.data) return this.#take(frame.body, frame)
      if (frame.type !== fileFrames.hole) throw this.#unexpected(frame)
      this.#hole = new FieldReader(frame.body).u()
      if (this.#hole === 0 || this.#hole > this.#left) throw this.#unexpected(frame)
    } else {
      // Nothing has to be waited for: a terabyte of zeros would otherwise keep the event loop from everything else.
      await new Promise(setImmediate)
      if (this.#connection.reason) throw this.#connection.reason
    }
    const zeros = holeOf(this.#hole)
    this.#hole -= zeros.length
    return this.#take(zeros)
  }

  #take(bytes: Buffer, frame?: FileFrame): Buffer {
    this.#left -= bytes.length
    if (this.#left < 0 && frame) throw this.#unexpected(frame)
    return bytes
  }

  async #frame(): Promise<FileFrame> {
    try {
      return await this.#connection.next()
    } catch (error) {
      this.#isOver = true
      throw error
    }
  }

  // Worker and reader are out of step, which no later frame could mend.
  #unexpected(frame: FileFrame): Error {
    this.#isOver = true
    this.#connection.close()
    return new RangeError(`Malformed answer: frame ${frame.type} of ${frame.body.length} bytes`)
  }
}
