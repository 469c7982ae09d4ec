import type { Socket } from 'node:net'
import { FILE_HEADER } from './file-frames.ts'

/** Bytes that leave in one write. */
const BATCH = 128 * 1024

/** Chunks below this are copied into the batch: a write of their own would cost more. */
const SMALL = 16 * 1024

/** Bytes on the way from which on a writer has to wait. */
const MOST_QUEUED = 1024 * 1024

const settled = Promise.resolve()

/**
 * The writing half of a connection to a file worker: small frames gather in one buffer, large bodies are sent as they are, and whoever
 * writes faster than the worker reads is told to wait.
 */
export class OutgoingFrames {
  readonly #socket: Socket
  readonly #lost: (error: Error) => void
  readonly #spare: Buffer<ArrayBuffer>[] = []
  #batch = Buffer.allocUnsafeSlow(BATCH)
  #fill = 0
  #queued = 0
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  /** @param lost is called when something could not be written; then nothing can be any more */
  constructor(socket: Socket, lost: (error: Error) => void) {
    this.#socket = socket
    this.#lost = lost
  }

  /** Settles when more may be written; at once while there is room. */
  get room(): Promise<void> {
    if (this.#queued < MOST_QUEUED) return settled
    this.#room ??= deferred()
    return this.#room.promise
  }

  /** Has `write` fill in a whole frame of at most so many bytes: it gets buffer and offset, and returns the frame's end. */
  frame(most: number, write: (bytes: Buffer, start: number) => number): void {
    if (most > BATCH - this.#fill) this.flush()
    if (most > BATCH) {
      const bytes = Buffer.allocUnsafe(most)
      this.#send(bytes.subarray(0, write(bytes, 0)))
    } else {
      this.#fill = write(this.#batch, this.#fill)
    }
  }

  /** A frame with a raw body, which must not be changed afterwards: it is sent from where it lies. */
  raw(type: number, body: Buffer): void {
    const isSmall = body.length < SMALL
    this.frame(FILE_HEADER + (isSmall ? body.length : 0), (bytes, start) => {
      bytes.writeUInt32LE(body.length, start)
      bytes[start + 4] = type
      return isSmall ? start + FILE_HEADER + body.copy(bytes, start + FILE_HEADER) : start + FILE_HEADER
    })
    if (isSmall) return
    this.#socket.cork()
    this.flush()
    this.#send(body)
    this.#socket.uncork()
  }

  /** Sends what has gathered. */
  flush(): void {
    if (this.#fill === 0) return
    const batch = this.#batch
    this.#send(batch.subarray(0, this.#fill), batch)
    this.#batch = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BATCH)
    this.#fill = 0
  }

  /** Nobody waits any more: the connection is gone. */
  release(): void {
    this.#queued = 0
    this.#wake()
  }

  #send(bytes: Buffer, batch?: Buffer<ArrayBuffer>): void {
    this.#queued += bytes.length
    this.#socket.write(bytes, (error) => {
      // The socket's own events may be long in coming: a writer who is let through at once never returns to the event loop.
      if (error) this.#lost(error)
      if (batch) this.#spare.push(batch)
      this.#queued = Math.max(0, this.#queued - bytes.length)
      if (this.#queued < MOST_QUEUED / 2) this.#wake()
    })
  }

  #wake(): void {
    this.#room?.resolve()
    this.#room = undefined
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
