import { constants } from 'node:os'
import { FieldReader } from '../protocol/fields.ts'
import { clientFrames, frameFields } from '../protocol/frames.ts'
import { StepError } from '../step-error.ts'
import type { Connection } from './connection.ts'
import type { LogEntry } from './log-subscription.ts'
import { LogSubscription } from './log-subscription.ts'
import type { LogSubscriptions } from './log-subscriptions.ts'

/** How a process ended: by itself, or by a signal's number. */
export interface ProcessExit {
  readonly exitCode: number | null
  readonly signal: number | null
}

/** The socket tables of a container's network namespace. */
export interface NetTables {
  readonly tcp: string
  readonly tcp6: string
  /** Inodes of the sockets that the container's processes hold; empty unless asked for. */
  readonly inodes: readonly number[]
}

/** What any client of a keeper may do with any of its processes, whoever started it. */
export class ProcessHandle {
  /** What `target` of a spawn takes. */
  readonly handle: number
  readonly #connection: Connection
  readonly #subscriptions: LogSubscriptions

  constructor(init: {
    readonly connection: Connection
    readonly subscriptions: LogSubscriptions
    readonly handle: number
  }) {
    this.handle = init.handle
    this.#connection = init.connection
    this.#subscriptions = init.subscriptions
  }

  /** Resolves when the process ended and all its output was read. Alone it does not keep Node alive. @throws {StepError} ESRCH when it is gone */
  watchExit(): Promise<ProcessExit> {
    return this.#connection.requestUnheld(clientFrames.wait, frameFields().u(this.handle), readExit)
  }

  /** What the process wrote so far, and with `follow` all that it will write. */
  logs(options: { follow?: boolean } = {}): AsyncIterableIterator<LogEntry, undefined> {
    return new LogSubscription(this.#subscriptions.link(this.handle, options.follow ?? false))
  }

  /** @param number as in signal(7) @throws {StepError} ESRCH when it has ended */
  async signal(number: number): Promise<void> {
    await this.#connection.request(clientFrames.signal, frameFields().u(this.handle).u(number), finished)
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.#connection.request(clientFrames.resize, frameFields().u(this.handle).u(rows).u(columns), finished)
  }

  async pause(): Promise<void> {
    await this.#connection.request(clientFrames.pause, frameFields().u(this.handle), finished)
  }

  async resume(): Promise<void> {
    await this.#connection.request(clientFrames.resume, frameFields().u(this.handle), finished)
  }

  /** Reads the container's socket tables; with `inodes` also which sockets are its own (the host's network has others too). */
  readNet(options: { inodes?: boolean } = {}): Promise<NetTables> {
    const fields = frameFields()
      .u(this.handle)
      .u(Number(options.inodes ?? false))
    return this.#connection.request(clientFrames.readNet, fields, readTables)
  }

  /** Kills it and its helpers, and takes away all that it had. Does nothing when that was done before, or the keeper did it. */
  async remove(): Promise<void> {
    try {
      await this.#connection.request(clientFrames.remove, frameFields().u(this.handle), (answer) => {
        finished(answer)
        this.removed()
      })
    } catch (error) {
      // The keeper itself removes execs and helpers that have ended.
      if (!(error instanceof StepError) || error.errno !== constants.errno.ESRCH) throw error
    }
  }

  /** The keeper has removed it; nothing comes after this. */
  protected removed(): void {
    // Nothing is kept of a process that another client started.
  }
}

/** Accepts an answer without fields. */
export function finished(answer: FieldReader): void {
  answer.end()
}

/** Of exit code and signal, as the keeper says them, the one that counts. */
export function processExit(exitCode: number, signal: number): ProcessExit {
  return signal === 0 ? { exitCode, signal: null } : { exitCode: null, signal }
}

function readExit(answer: FieldReader): ProcessExit {
  const exit = processExit(answer.u(), answer.u())
  answer.end()
  return exit
}

function readTables(answer: FieldReader): NetTables {
  const [tcp, tcp6, own] = [answer.b().toString('latin1'), answer.b().toString('latin1'), answer.b()]
  answer.end()
  const sockets = new FieldReader(own)
  const inodes: number[] = []
  while (sockets.left > 0) inodes.push(sockets.u())
  return { tcp, tcp6, inodes }
}
