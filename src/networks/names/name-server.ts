import { setMaxListeners } from 'node:events'
import type { Socket } from 'node:net'
import { setTimer } from '../../rootless/clock.ts'
import { dial } from './dial.ts'
import type { forwardQuery } from './forward-query.ts'
import { listenAlone, type ListeningSocket } from './listen-alone.ts'
import { HEADER_BYTES, type Transport } from './message.ts'
import { NameConnection } from './name-connection.ts'
import type { NameView } from './name-zone.ts'
import { serverFailure } from './respond.ts'
import type { Forward, serveQuery } from './serve-query.ts'
import { Turns } from './turns.ts'

/** Clients at once. When one more comes, the one that was quiet the longest goes: a container that keeps many open locks nobody out. */
const MOST_CONNECTIONS = 512

/** Queries of all clients that wait for the machine's resolvers. */
const MOST_FORWARDED = 256

const IDLE_TIMEOUT = 10_000

/** Milliseconds until an owner that is too busy to accept is asked again. */
const BUSY_PAUSE = 1000

/** Unix sockets between the network's helper process and Node. */
export interface NamePaths {
  /** For datagrams; each of their senders has a connection of its own. */
  readonly udpPath: string
  readonly tcpPath: string
}

/** @see NameServer.listen */
export interface NameServerOptions extends NamePaths {
  /** What a client may know, by its address as inet_ntop(3) writes it. */
  readonly view: (client: string) => NameView
  /** IPv4 and IPv6 literals of the resolvers that are asked for all else. Default: nobody is, and what is not in the zone does not exist. */
  readonly resolvers?: readonly string[] | undefined
  /** The resolvers' port. Default 53. */
  readonly resolverPort?: number | undefined
  /** Milliseconds after which a quiet connection is closed. Default 10,000. */
  readonly idleTimeout?: number | undefined
}

/**
 * Answers the DNS queries of a network's containers, which come over two Unix sockets with a length in front of each message (RFC 1035,
 * 4.2.2), behind the client's address. Clients are hostile: their number, their queries and Node's time for them are limited. It does not keep Node alive.
 */
export class NameServer implements AsyncDisposable {
  readonly #options: NameServerOptions
  readonly #listening: ListeningSocket[] = []
  readonly #connections = new Set<NameConnection>()
  readonly #turns = new Turns()
  readonly #closing = new AbortController()
  #core: Promise<{ serveQuery: typeof serveQuery }> | undefined
  #outside: Promise<{ forwardQuery: typeof forwardQuery }> | undefined
  #forwarded = 0

  private constructor(options: NameServerOptions) {
    this.#options = options
    // Each query that is forwarded listens.
    setMaxListeners(0, this.#closing.signal)
  }

  /**
   * Starts to serve, unless another process does; what a dead one left is taken over.
   *
   * @param options paths are absolute, and may be of any length; their directory should be the user's alone
   * @returns undefined when somebody else serves: {@link NameServer.whenFree} says when to try again
   * @throws {AirplantError} `ERR_FILE_FAILED` when the sockets cannot be made
   * @example
   * await using names = await NameServer.listen({ udpPath, tcpPath, view, resolvers: ['127.0.0.53'] })
   */
  static async listen(options: NameServerOptions): Promise<NameServer | undefined> {
    const server = new NameServer(options)
    try {
      if ((await server.#listen(options.udpPath, 'udp')) && (await server.#listen(options.tcpPath, 'tcp')))
        return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
    await server[Symbol.asyncDispose]()
    return undefined
  }

  /**
   * Waits until nobody serves, however the one who did came to its end. Several may wait; one of them gets it. It does not keep Node alive.
   *
   * @param signal ends the waiting
   * @throws the signal's reason
   */
  static async whenFree({ udpPath }: Pick<NamePaths, 'udpPath'>, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      try {
        const socket = await dial(udpPath)
        if (!socket) return
        await closed(socket, signal)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        await pause(BUSY_PAUSE)
      }
    }
  }

  /** Ends all connections and queries under way; the paths are free then. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    for (const connection of this.#connections) connection.close()
    // The last one is what others wait for: then both are free.
    for (const socket of this.#listening.splice(0).reverse()) await socket[Symbol.asyncDispose]()
  }

  async #listen(path: string, over: Transport): Promise<boolean> {
    const listening = await listenAlone(path, (socket) => this.#accept(socket, over))
    if (listening) this.#listening.push(listening)
    return listening !== undefined
  }

  #accept(socket: Socket, over: Transport): void {
    if (this.#closing.signal.aborted) return void socket.destroy()
    const connection = new NameConnection({
      socket,
      turns: this.#turns,
      idleTimeout: this.#options.idleTimeout ?? IDLE_TIMEOUT,
      answer: (query, client) => this.#answer(query, over, client),
      onActive: () => this.#connections.delete(connection) && this.#connections.add(connection),
    })
    socket.on('close', () => this.#connections.delete(connection))
    this.#connections.add(connection)
    if (this.#connections.size > MOST_CONNECTIONS) this.#dropQuietest()
  }

  /** Forgotten at once, since of a burst of clients each has to make another one go. */
  #dropQuietest(): void {
    const [quietest] = this.#connections
    if (!quietest) return
    this.#connections.delete(quietest)
    quietest.close()
  }

  async #answer(query: Buffer, over: Transport, client: string): Promise<Buffer | undefined> {
    try {
      // Neither they nor the library belong to a container's start.
      this.#core ??= import('./serve-query.ts')
      const { serveQuery } = await this.#core
      const { zone, isOutward } = this.#options.view(client)
      const forward = isOutward && this.#options.resolvers ? this.#forward : undefined
      return await serveQuery(query, over, { zone, forward })
    } catch {
      // The zone is another's code: its error is the query's, not the test run's.
      return query.length < HEADER_BYTES ? undefined : serverFailure(query)
    }
  }

  readonly #forward: Forward = async (query, over, limit) => {
    const { resolvers = [], resolverPort: port } = this.#options
    if (this.#forwarded >= MOST_FORWARDED) return serverFailure(query)
    this.#forwarded++
    try {
      this.#outside ??= import('./forward-query.ts')
      const { forwardQuery } = await this.#outside
      return await forwardQuery(query, { resolvers, port, over, limit, signal: this.#closing.signal })
    } finally {
      this.#forwarded--
    }
  }
}

function closed(socket: Socket, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    // An owner that ended while we connected has reset the connection by now.
    if (socket.closed) resolve()
    const stop = (): void => void socket.destroy()
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    socket.once('close', () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    // What is not read hides the end; nothing comes but that.
    socket.resume()
  })
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimer(resolve, milliseconds).unref()
  })
}
