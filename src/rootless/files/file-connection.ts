import type { Socket } from 'node:net'
import type { FieldWriter } from '../protocol/fields.ts'
import type { FileFrame } from './file-frames.ts'
import { FILE_HEADER, FileFrameReader, fileFrames } from './file-frames.ts'
import { fileError, fileWorkerGone, readFileFailure } from './file-error.ts'
import { OutgoingFrames } from './outgoing-frames.ts'

/** Bytes of unread frames from which on the worker has to wait. */
const MOST_UNREAD = 1024 * 1024

/**
 * Frames to and from a file worker. Its answers are taken one by one ({@link FileConnection.next}), and while nobody takes them the
 * worker waits. Requests follow one another: {@link FileConnection.exclusive} keeps those of several callers apart.
 */
export class FileConnection {
  readonly out: OutgoingFrames
  readonly #socket: Socket
  readonly #reader = new FileFrameReader()
  readonly #unread: FileFrame[] = []
  #unreadBytes = 0
  #taker: { readonly resolve: (frame: FileFrame) => void; readonly reject: (error: Error) => void } | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #reason: Error | undefined
  #onFrame: ((frame: FileFrame) => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    this.out = new OutgoingFrames(socket, (error) => this.#lose(error))
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (error) => this.#lose(error))
    socket.on('close', () => this.#lose())
    socket.unref()
  }

  /** Why nothing can be sent or read any more; undefined while it can. */
  get reason(): Error | undefined {
    return this.#reason
  }

  /** Runs the requests of several callers one after another. Node stays alive meanwhile. */
  exclusive<T>(request: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      this.hold()
      try {
        return await request()
      } finally {
        this.letGo()
      }
    })
    this.#turn = result.catch(() => undefined)
    return result
  }

  /** From now on the socket keeps Node alive. */
  hold(): void {
    this.#socket.ref()
  }

  letGo(): void {
    this.#socket.unref()
  }

  /** Sends a frame of fields at once. The writer must have been made with {@link FILE_HEADER} bytes of reserve. */
  send(type: number, fields: FieldWriter): void {
    const frame = fields.finish()
    frame.writeUInt32LE(frame.length - FILE_HEADER, 0)
    frame[4] = type
    this.out.frame(frame.length, (bytes, start) => start + frame.copy(bytes, start))
    this.out.flush()
  }

  /** The next frame. Rejects with what an `error` frame says, or because the worker is gone. */
  next(): Promise<FileFrame> {
    const frame = this.#unread.shift()
    if (frame) {
      this.#unreadBytes -= frame.body.length
      if (this.#unreadBytes < MOST_UNREAD) this.#socket.resume()
      return checked(frame)
    }
    if (this.#reason) return Promise.reject(this.#reason)
    return new Promise<FileFrame>((resolve, reject) => {
      this.#taker = { resolve, reject }
    }).then(checked)
  }

  /** Has frames given to the listener instead of keeping them for {@link FileConnection.next}; undefined ends that. */
  listen(listener: ((frame: FileFrame) => void) | undefined): void {
    this.#onFrame = listener
  }

  close(): void {
    this.#socket.destroy()
    this.#lose()
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.read(chunk)) this.#take(frame)
    } catch (error) {
      this.#socket.destroy()
      this.#lose(error as Error)
    }
  }

  #take(frame: FileFrame): void {
    const taker = this.#taker
    if (this.#onFrame) return this.#onFrame(frame)
    if (taker) {
      this.#taker = undefined
      return taker.resolve(frame)
    }
    this.#unread.push(frame)
    this.#unreadBytes += frame.body.length
    if (this.#unreadBytes >= MOST_UNREAD) this.#socket.pause()
  }

  #lose(cause?: Error): void {
    if (this.#reason) return
    this.#reason = fileWorkerGone(cause)
    this.out.release()
    this.#taker?.reject(this.#reason)
    this.#taker = undefined
  }
}

function checked(frame: FileFrame): Promise<FileFrame> {
  if (frame.type !== fileFrames.error) return Promise.resolve(frame)
  return Promise.reject(fileError(readFileFailure(frame.body)))
}
