import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A server of a test's that listens. */
export interface Listener extends AsyncDisposable {
  readonly port: number
}

/**
 * Lets a server listen on one address.
 *
 * @param port 0 means any free one
 * @param onPeer called with the address of each connection
 * @returns its end closes the connections that are open, too
 */
export async function listenTcp(
  server: Server,
  port: number,
  host: string,
  onPeer: (address: string) => void = () => {},
): Promise<Listener> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A client that goes away in the middle is no error of the test's.
    socket.on('error', () => socket.destroy())
    onPeer(socket.remoteAddress ?? 'gone')
  })
  server.listen({ port, host, ipv6Only: true })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/**
 * Answers datagrams on one address.
 *
 * @param port 0 means any free one
 * @param answer gives what is sent back, undefined for nothing
 */
export async function listenUdp(
  port: number,
  host: string,
  answer: (message: Buffer, peer: string) => Buffer | undefined,
): Promise<Listener> {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ipv6Only: host.includes(':') })
  socket.on('message', (message, peer) => {
    const reply = answer(message, peer.address)
    if (reply) socket.send(reply, peer.port, peer.address)
  })
  socket.bind(port, host)
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}

/** Ends all of them, the last one first. */
export async function closeAll(listeners: readonly AsyncDisposable[]): Promise<void> {
  for (const listener of [...listeners].reverse()) await listener[Symbol.asyncDispose]()
}
