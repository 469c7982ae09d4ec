import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { answerWithin } from './answer-within.ts'
import type { Asked } from './answer-within.ts'
import { isAnswer } from './is-answer.ts'

/**
 * Sends a query in a datagram and waits for its answer. The socket is used once and connected: the kernel chooses a random port, and
 * drops what others send to it.
 *
 * @returns undefined when there is no answer in time, or nobody listens there
 */
export function askOverUdp(query: Buffer, { address, port, ...asked }: Asked): Promise<Buffer | undefined> {
  return answerWithin(asked, (settle) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4').unref()
    socket.on('error', () => settle())
    socket.on('message', (message) => {
      if (isAnswer(message, query)) settle(message)
    })
    socket.on('connect', () => socket.send(query, (error) => error && settle()))
    socket.connect(port, address)
    return () => socket.close()
  })
}
