import type { Socket } from 'node:net'
import { formatIp } from '../../rootless/ip-address.ts'
import { frame, FrameReader } from './frame-reader.ts'
import type { Turns } from './turns.ts'

/** A query has a name of at most 255 bytes and a few options; what is longer is none. */
const MOST_QUERY_BYTES = 4096

/** Queries that are being answered at once. Further ones wait in the kernel. */
const MOST_IN_FLIGHT = 16

/** Bytes of answers that wait for a client to read them, before it is dropped. */
const MOST_UNREAD_BYTES = 256 * 1024

/** Of a client's address, at the beginning of its stream. */
const CLIENT_BYTES = 16

/** @see NameConnection */
export interface NameConnectionOptions {
  readonly socket: Socket
  /** Answers a query; it does not reject. undefined: no response. */
  readonly answer: (query: Buffer, client: string) => Promise<Buffer | undefined>
  readonly turns: Turns
  /** Milliseconds without a byte in either direction, after which it is closed. */
  readonly idleTimeout: number
  /** Something came from the client. */
  readonly onActive: () => void
}

/**
 * One client's stream of queries and answers, which may come in any order (RFC 7766, 6.2.1.1). Nothing is read from the stream that cannot
 * be answered yet, so a hasty client fills its own buffers and not our memory.
 */
export class NameConnection {
  readonly #options: NameConnectionOptions
  readonly #reader = new FrameReader()
  #client: string | undefined
  #inFlight = 0
  #isWaiting = false
  #hasEnded = false

  constructor(options: NameConnectionOptions) {
    this.#options = options
    const { socket, idleTimeout, onActive } = options
    socket.unref()
    socket.setTimeout(idleTimeout, () => this.close())
    socket.on('error', () => this.close())
    socket.on('readable', () => {
      onActive()
      this.#goOn()
    })
    socket.on('drain', () => this.#goOn())
    socket.on('end', () => {
      this.#hasEnded = true
      this.#endIfDone()
    })
  }

  /** Drops it, whatever is under way. */
  close(): void {
    this.#options.socket.destroy()
  }

  #goOn(): void {
    const { socket, turns } = this.#options
    if (this.#isWaiting) return
    while (this.#inFlight < MOST_IN_FLIGHT && !socket.writableNeedDrain && this.#hasQuery()) {
      if (!turns.take()) {
        this.#isWaiting = true
        turns.wait(() => {
          this.#isWaiting = false
          this.#goOn()
        })
        return
      }
      void this.#serve(this.#reader.take()!)
    }
    this.#endIfDone()
  }

  /** Whether a whole query is there, after reading as much as it takes. */
  #hasQuery(): boolean {
    const { socket } = this.#options
    while (!socket.destroyed) {
      if ((this.#reader.nextLength ?? 0) > MOST_QUERY_BYTES) this.close()
      else if (this.#reader.isReady) return true
      if (this.#client === undefined && !this.#readClient()) return false
      const chunk = socket.read() as Buffer | null
      if (!chunk) return false
      this.#reader.push(chunk)
    }
    return false
  }

  /** Whose queries these are, which whoever relays them says first: 16 bytes, an IPv4 address as IPv6 has it (RFC 4291, 2.5.5.2). */
  #readClient(): boolean {
    const bytes = this.#options.socket.read(CLIENT_BYTES) as Buffer | null
    if (bytes?.length !== CLIENT_BYTES) return false
    const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff
    const value = BigInt(`0x${bytes.toString('hex')}`)
    this.#client = formatIp(isMapped ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value })
    return true
  }

  async #serve(query: Buffer): Promise<void> {
    const { socket, answer } = this.#options
    this.#inFlight++
    const response = await answer(query, this.#client ?? '')
    this.#inFlight--
    if (socket.destroyed) return
    if (response) socket.write(frame(response))
    if (socket.writableLength > MOST_UNREAD_BYTES) this.close()
    this.#goOn()
  }

  /** A client may close its side when it has asked, and read on. */
  #endIfDone(): void {
    if (this.#hasEnded && this.#inFlight === 0 && !this.#reader.isReady) this.#options.socket.end()
  }
}
