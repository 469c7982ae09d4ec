import { Writable } from 'node:stream'

/** Bytes that may be sent to a process before it has read any, as the keeper's STDIN_WINDOW. */
const STDIN_WINDOW = 256 * 1024

interface Write {
  rest: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** How the channel reaches the keeper. */
export interface StdinLink {
  sendStdin(chunk: Uint8Array): void
  sendClose(): void
  /** Keeps Node alive until the function that is returned was called. */
  hold(): () => void
}

/** The input of a process on this side: sends as much as the keeper has room for, and holds the rest back. */
export class StdinChannel {
  readonly #link: StdinLink
  readonly #writes: Write[] = []
  #credit = STDIN_WINDOW
  #isClosed = false
  #error: Error | undefined
  #hasEnded = false
  #release: (() => void) | undefined
  #stream: Writable | undefined

  constructor(link: StdinLink) {
    this.#link = link
  }

  /** Resolves when the last byte was sent. Rejects with EPIPE when the process ended before. */
  write(chunk: Uint8Array): Promise<void> {
    if (this.#error) return Promise.reject(this.#error)
    if (this.#hasEnded) return Promise.reject(brokenPipe())
    if (this.#isClosed) return Promise.reject(new Error('Cannot write to stdin: it was closed'))
    return new Promise((resolve, reject) => {
      this.#writes.push({ rest: chunk, resolve, reject })
      this.#flush()
    })
  }

  /** End of file after what was written so far. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#flush()
  }

  /** As a stream; made at the first call. Its end closes the process's stdin. */
  stream(): Writable {
    this.#stream ??= this.#makeStream()
    return this.#stream
  }

  addCredit(bytes: number): void {
    this.#credit += bytes
    this.#flush()
  }

  /** The process or the keeper is gone. Without an error the stream is just destroyed, as its reader went away in order. */
  fail(error: Error | undefined): void {
    this.#error ??= error
    this.#hasEnded = true
    for (const { reject } of this.#writes.splice(0)) reject(this.#error ?? brokenPipe())
    this.#holdWhileWaiting()
    if (this.#stream && !this.#stream.writableFinished) this.#stream.destroy(error)
  }

  #makeStream(): Writable {
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        this.write(chunk).then(() => callback(), callback)
      },
      final: (callback) => {
        this.close()
        callback()
      },
    })
    // Whoever writes on gets the error; whoever does not learns of it from the process's end, and must not be ended by it.
    stream.on('error', () => undefined)
    return stream
  }

  #flush(): void {
    if (this.#error || this.#hasEnded) return
    for (let write = this.#writes[0]; write; write = this.#writes[0]) {
      const size = Math.min(write.rest.length, this.#credit)
      if (size === 0 && write.rest.length > 0) break
      if (size > 0) this.#link.sendStdin(write.rest.subarray(0, size))
      this.#credit -= size
      write.rest = write.rest.subarray(size)
      if (write.rest.length > 0) break
      this.#writes.shift()
      write.resolve()
    }
    if (this.#isClosed && this.#writes.length === 0) this.#sendClose()
    this.#holdWhileWaiting()
  }

  #sendClose(): void {
    this.#error = new Error('Cannot write to stdin: it was closed')
    this.#link.sendClose()
  }

  #holdWhileWaiting(): void {
    if (this.#writes.length > 0) {
      this.#release ??= this.#link.hold()
    } else {
      this.#release?.()
      this.#release = undefined
    }
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error('Cannot write to stdin: the process has ended'), { code: 'EPIPE', syscall: 'write' })
}
