import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { clearTimer, setTimer } from '../../rootless/clock.ts'
import { isAnswer } from './is-answer.ts'

/** A resolver, and for how long it is waited for. */
export interface Asked {
  /** IPv4 or IPv6 literal. */
  readonly address: string
  readonly port: number
  /** Milliseconds. */
  readonly timeout: number
  /** Ends the waiting, and closes the socket. */
  readonly signal: AbortSignal
}

/**
 * Sends a query in a datagram and waits for its answer. The socket is used once and connected: the kernel chooses a random port, and
 * drops what others send to it.
 *
 * @returns undefined when there is no answer in time, or nobody listens there
 */
export function askOverUdp(query: Buffer, { address, port, timeout, signal }: Asked): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    let isOver = false
    const end = (answer?: Buffer): void => {
      if (isOver) return
      isOver = true
      clearTimer(timer)
      signal.removeEventListener('abort', giveUp)
      socket.close()
      resolve(answer)
    }
    const giveUp = (): void => end()
    const timer = setTimer(giveUp, timeout).unref()
    signal.addEventListener('abort', giveUp)
    socket.unref()
    socket.on('error', giveUp)
    socket.on('message', (message) => {
      if (isAnswer(message, query)) end(message)
    })
    socket.on('connect', () => socket.send(query, (error) => error && giveUp()))
    socket.connect(port, address)
    if (signal.aborted) giveUp()
  })
}
