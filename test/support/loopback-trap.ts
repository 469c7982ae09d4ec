import { createServer } from 'node:net'
import { closeAll, listenTcp, listenUdp, type Listener } from './listeners.ts'

/** @see trapLoopback */
export interface LoopbackTrap extends AsyncDisposable {
  readonly port: number
  /** What has arrived, one per connection or datagram: `tcp 127.0.0.1`, `udp ::1`. */
  readonly seen: string[]
}

/**
 * Listens on 127.0.0.1 and ::1, by TCP and UDP, and notes what arrives: for tests that the host's loopback is out of
 * reach. A caller that gets no answer may still have reached it; only this side knows.
 *
 * @param port the same for all four; by default any that is free for the first
 *
 * @example
 * await using trap = await trapLoopback()
 */
export async function trapLoopback(port = 0): Promise<LoopbackTrap> {
  const seen: string[] = []
  const listeners: Listener[] = []
  let number = port
  for (const address of ['127.0.0.1', '::1']) {
    const server = createServer((socket) => socket.end('loopback'))
    const tcp = await listenTcp(server, number, address, () => seen.push(`tcp ${address}`))
    number = tcp.port
    const udp = await listenUdp(number, address, (message) => (seen.push(`udp ${address}`), message))
    listeners.push(tcp, udp)
  }
  return { port: number, seen, [Symbol.asyncDispose]: () => closeAll(listeners) }
}
