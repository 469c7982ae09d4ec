import { connect } from 'node:net'
import { answerWithin } from './answer-within.ts'
import type { Asked } from './answer-within.ts'
import { frame, FrameReader } from './frame-reader.ts'
import { isAnswer } from './is-answer.ts'

/**
 * Sends a query over a connection of its own and waits for its answer.
 *
 * @returns undefined when there is no answer in time, or no connection
 */
export function askOverTcp(query: Buffer, { address, port, ...asked }: Asked): Promise<Buffer | undefined> {
  return answerWithin(asked, (settle) => {
    const socket = connect({ host: address, port, noDelay: true }).unref()
    const reader = new FrameReader()
    socket.on('error', () => settle())
    socket.on('close', () => settle())
    socket.on('data', (chunk) => {
      reader.push(chunk)
      for (let message = reader.take(); message; message = reader.take()) {
        if (isAnswer(message, query)) return settle(message)
      }
    })
    socket.write(frame(query))
    return () => socket.destroy()
  })
}
