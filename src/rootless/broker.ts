import { constants } from 'node:os'
import type { Socket } from 'node:net'
import { StepError } from './step-error.ts'

const TOKENS = 256
const REPLY_SIZE = 8

/** What is opened: a clone of the mount tree at a path, or a regular file. */
export type BrokerKind = 'tree' | 'file'

interface Waiting {
  readonly path: string
  readonly resolve: (token: number) => void
  readonly reject: (error: Error) => void
}

/**
 * When real root starts a keeper, its containers are mapped to IDs that cannot enter root's own directories. This asks the part of the
 * keeper that stayed outside to open a path, and gives the number under which a plan's `takeFd` finds it. Each is good for one plan.
 */
export class Broker {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  #received = Buffer.alloc(0)
  #next = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      for (const { path, reject } of this.#waiting.values()) reject(refused(path, constants.errno.EPIPE))
      this.#waiting.clear()
      socket.unref()
    })
    socket.unref()
  }

  /** @throws {StepError} with the errno of opening it as root */
  open(path: string, kind: BrokerKind): Promise<number> {
    const token = this.#freeToken()
    const bytes = Buffer.from(path)
    const header = Buffer.alloc(12)
    header.writeUInt32LE(bytes.length, 0)
    header.writeUInt32LE(token, 4)
    header.writeUInt32LE(kind === 'file' ? 1 : 0, 8)
    return new Promise((resolve, reject) => {
      this.#waiting.set(token, { path, resolve, reject })
      this.#socket.ref()
      this.#socket.write(Buffer.concat([header, bytes]))
    })
  }

  #freeToken(): number {
    for (let tries = 0; tries < TOKENS; tries++) {
      const token = this.#next++ % TOKENS
      if (!this.#waiting.has(token)) return token
    }
    throw refused('a source', constants.errno.EMFILE)
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    for (; this.#received.length >= REPLY_SIZE; this.#received = this.#received.subarray(REPLY_SIZE)) {
      const token = this.#received.readUInt32LE(0)
      const errno = this.#received.readInt32LE(4)
      const waiting = this.#waiting.get(token)
      this.#waiting.delete(token)
      if (errno === 0) waiting?.resolve(token)
      else waiting?.reject(refused(waiting.path, errno))
    }
    if (this.#waiting.size === 0) this.#socket.unref()
  }
}

function refused(path: string, errno: number): StepError {
  return new StepError({ step: -1, what: 'openTree', errno, detail: path })
}
