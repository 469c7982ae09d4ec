import { Readable } from 'node:stream'
import { CreditWindow } from './credit-window.ts'

/** Where an output's chunks go; each is to be reported as consumed to the window once it was. */
interface Sink {
  write(chunk: Buffer, order: number): void
  end(): void
  fail(error: Error): void
}

/** One output of a process on this side: holds what nobody reads yet, at most as much as the credit allows. */
export class OutputChannel {
  readonly #window: CreditWindow
  #held: { chunk: Buffer; order: number }[] = []
  #sink: Sink | undefined
  #stream: Readable | undefined
  #isEnded = false
  #error: Error | undefined

  /** @param grant allows the keeper to send so many bytes more */
  constructor(credit: number, grant: (bytes: number) => void) {
    this.#window = new CreditWindow(credit, (bytes) => {
      if (!this.#isEnded) grant(bytes)
    })
  }

  /** Calls the listener with every chunk, also those that came before; each counts as consumed when the listener returns. */
  onData(listener: (chunk: Buffer, order: number) => void): void {
    const write = (chunk: Buffer, order: number): void => {
      try {
        listener(chunk, order)
      } catch (error) {
        // The caller's mistake may not stop the frames of other processes.
        queueMicrotask(() => {
          throw error
        })
      }
      this.#window.consumed(chunk.length)
    }
    this.#attach({ write, end: () => undefined, fail: () => undefined })
  }

  /** The output as a stream; made at the first call. Chunks count as consumed when the stream's buffer takes them. */
  stream(): Readable {
    this.#stream ??= this.#makeStream()
    return this.#stream
  }

  /** @param order tells which of two chunks of different outputs came first */
  receive(chunk: Buffer, order: number): void {
    if (this.#isEnded) return
    this.#window.received(chunk.length)
    if (this.#sink) this.#sink.write(chunk, order)
    else this.#held.push({ chunk, order })
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#sink?.end()
  }

  fail(error: Error): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#error = error
    this.#sink?.fail(error)
  }

  #attach(sink: Sink): void {
    if (this.#sink) throw new Error('Cannot read the output twice: it already has a reader')
    this.#sink = sink
    const held = this.#held
    this.#held = []
    for (const { chunk, order } of held) sink.write(chunk, order)
    if (this.#error) sink.fail(this.#error)
    else if (this.#isEnded) sink.end()
  }

  #makeStream(): Readable {
    let waiting: Buffer[] = []
    let wantsMore = true
    let isOver = false
    const pour = (): void => {
      while (wantsMore && waiting.length > 0) {
        const chunk = waiting.shift() as Buffer
        wantsMore = readable.push(chunk)
        this.#window.consumed(chunk.length)
      }
      if (isOver && waiting.length === 0 && !readable.readableEnded) readable.push(null)
    }
    const readable = new Readable({
      read: () => {
        wantsMore = true
        pour()
      },
      destroy: (error, callback) => {
        // Nobody reads on: the process may write into the void, as it does when its reader closes a terminal.
        for (const chunk of waiting) this.#window.consumed(chunk.length)
        waiting = []
        callback(error)
      },
    })
    // Whoever reads gets the error; whoever does not learns of it from the process's end, and must not be ended by it.
    readable.on('error', () => undefined)
    this.#attach({
      write: (chunk) => {
        if (readable.destroyed) this.#window.consumed(chunk.length)
        else waiting.push(chunk)
        pour()
      },
      end: () => {
        isOver = true
        pour()
      },
      fail: (error) => readable.destroy(error),
    })
    return readable
  }
}
