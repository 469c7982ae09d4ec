import { FieldReader } from '../protocol/fields.ts'
import type { Frame } from '../protocol/frames.ts'
import { keeperFrames } from '../protocol/frames.ts'
import { CreditWindow } from './credit-window.ts'
import { DEFAULT_CREDIT } from './spawn-request.ts'

/** A piece of a process's output, or how many bytes were lost before the next piece because the log's bound was reached. */
export type LogEntry =
  { readonly stream: 'stdout' | 'stderr'; readonly time: number; readonly data: Buffer } | { readonly dropped: number }

/** How a subscription reaches the keeper. */
export interface LogLink {
  /** Asks for the log; rejects when the keeper refuses. */
  subscribe(subscription: LogSubscription, credit: number): Promise<void>
  grant(subscription: LogSubscription, bytes: number): void
  /** Forgets the subscription; tells the keeper unless it ended it itself. */
  cancel(subscription: LogSubscription, isOver: boolean): void
  hold(): () => void
}

interface Waiter {
  readonly resolve: (result: IteratorResult<LogEntry, undefined>) => void
  readonly reject: (error: Error) => void
}

const done = { done: true, value: undefined } as const

/**
 * The log of a process as an async iterator. Subscribes at the first `next()`; the keeper sends no more than the reader takes.
 * `return()`, as at the end of `for await`, cancels at once even while a `next()` waits.
 */
export class LogSubscription implements AsyncIterableIterator<LogEntry, undefined> {
  readonly #link: LogLink
  readonly #window: CreditWindow
  readonly #entries: LogEntry[] = []
  readonly #waiters: Waiter[] = []
  #isStarted = false
  #isOver = false
  #error: Error | undefined
  #release: (() => void) | undefined

  constructor(link: LogLink) {
    this.#link = link
    this.#window = new CreditWindow(DEFAULT_CREDIT, (bytes) => {
      if (!this.#isOver) link.grant(this, bytes)
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<LogEntry, undefined>> {
    if (!this.#isStarted && !this.#isOver) {
      this.#isStarted = true
      this.#link.subscribe(this, DEFAULT_CREDIT).catch((error: unknown) => this.fail(error as Error))
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#serve()
    })
  }

  return(): Promise<IteratorResult<LogEntry, undefined>> {
    this.#entries.length = 0
    this.#error = undefined
    this.#end(false)
    return Promise.resolve(done)
  }

  receive(frame: Frame): void {
    if (frame.type === keeperFrames.logEnd) {
      this.#end(true)
      return
    }
    const fields = new FieldReader(frame.body)
    if (frame.type === keeperFrames.dropped) {
      this.#entries.push({ dropped: fields.u() })
      fields.end()
    } else {
      this.#readRecords(fields)
    }
    this.#serve()
  }

  fail(error: Error): void {
    if (this.#isOver) return
    this.#error = error
    this.#end(true)
  }

  #readRecords(fields: FieldReader): void {
    let bytes = 0
    while (fields.left > 0) {
      const stream = fields.u8() === 2 ? 'stderr' : 'stdout'
      const [time, data] = [fields.u(), fields.b()]
      bytes += data.length
      this.#entries.push({ stream, time, data })
    }
    this.#window.received(bytes)
  }

  #end(byKeeper: boolean): void {
    if (!this.#isOver) {
      this.#isOver = true
      if (this.#isStarted) this.#link.cancel(this, byKeeper)
    }
    this.#serve()
  }

  #serve(): void {
    while (this.#waiters.length > 0 && (this.#entries.length > 0 || this.#isOver)) {
      const waiter = this.#waiters.shift() as Waiter
      const entry = this.#entries.shift()
      if (entry) {
        if ('data' in entry) this.#window.consumed(entry.data.length)
        waiter.resolve({ done: false, value: entry })
      } else if (this.#error) {
        waiter.reject(this.#error)
        this.#error = undefined
      } else {
        waiter.resolve(done)
      }
    }
    if (this.#waiters.length > 0) {
      this.#release ??= this.#link.hold()
    } else {
      this.#release?.()
      this.#release = undefined
    }
  }
}
