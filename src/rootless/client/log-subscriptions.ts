import type { Frame } from '../protocol/frames.ts'
import { clientFrames, frameFields } from '../protocol/frames.ts'
import type { Connection } from './connection.ts'
import type { LogLink, LogSubscription } from './log-subscription.ts'

/** The log subscriptions of a connection, by the ids of the requests that began them. */
export class LogSubscriptions {
  readonly #connection: Connection
  readonly #byId = new Map<number, LogSubscription>()
  readonly #ids = new WeakMap<LogSubscription, number>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get size(): number {
    return this.#byId.size
  }

  /** What a subscription to the log of that process needs. */
  link(handle: number, follow: boolean): LogLink {
    return {
      subscribe: (subscription, credit) => {
        const id = this.#connection.newId()
        // Registered before the answer: the first records follow it in the same chunk.
        this.#byId.set(id, subscription)
        this.#ids.set(subscription, id)
        const fields = frameFields().u(handle).u(Number(follow)).u(credit)
        return this.#connection.request(clientFrames.logs, fields, (answer) => answer.end(), id)
      },
      grant: (subscription, bytes) => {
        const id = this.#ids.get(subscription)
        if (id !== undefined) this.#connection.send(clientFrames.credit, id, frameFields().u(3).u(bytes))
      },
      cancel: (subscription, isOver) => {
        const id = this.#ids.get(subscription)
        if (id === undefined) return
        this.#byId.delete(id)
        if (isOver) return
        this.#connection.request(clientFrames.endLogs, frameFields().u(id), () => undefined).catch(() => undefined)
      },
      hold: () => this.#connection.hold(),
    }
  }

  /** Takes a frame with a subscription's id; late ones of a cancelled subscription are dropped. */
  receive(frame: Frame): void {
    this.#byId.get(frame.id)?.receive(frame)
  }

  fail(error: Error): void {
    for (const subscription of [...this.#byId.values()]) subscription.fail(error)
  }
}
