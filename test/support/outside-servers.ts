import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { closeAll, listenTcp, listenUdp, type Listener } from './listeners.ts'
import { outside } from './outside.ts'

/** @see serveOutside */
export interface OutsideServers extends AsyncDisposable {
  /** Addresses from which the servers were reached, one per connection or datagram. */
  readonly peers: string[]
}

/**
 * Serves both outside addresses: HTTP answers `outside`, the echo sends back what comes, by TCP and UDP. Only in the
 * test world "outside", one test file at a time: the ports are fixed.
 *
 * @example
 * await using servers = await serveOutside()
 */
export async function serveOutside(): Promise<OutsideServers> {
  const peers: string[] = []
  const listeners: Listener[] = []
  const { http, echo } = outside.ports
  const note = (peer: string): void => void peers.push(peer)
  for (const address of [outside.ipv4, outside.ipv6]) {
    const pages = createHttpServer((_request, answer) => answer.end('outside'))
    // A client may send all and close its side before the last of it has come back.
    const mirror = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    listeners.push(await listenTcp(pages, http, address, note), await listenTcp(mirror, echo, address, note))
    listeners.push(await listenUdp(echo, address, (message, peer) => (note(peer), message)))
  }
  return { peers, [Symbol.asyncDispose]: () => closeAll(listeners) }
}
