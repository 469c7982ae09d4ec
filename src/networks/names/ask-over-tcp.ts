import { connect } from 'node:net'
import { clearTimer, setTimer } from '../../rootless/clock.ts'
import type { Asked } from './ask-over-udp.ts'
import { frame, FrameReader } from './frame-reader.ts'
import { isAnswer } from './is-answer.ts'

/**
 * Sends a query over a connection of its own and waits for its answer.
 *
 * @returns undefined when there is no answer in time, or no connection
 */
export function askOverTcp(query: Buffer, { address, port, timeout, signal }: Asked): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, noDelay: true })
    const reader = new FrameReader()
    const end = (answer?: Buffer): void => {
      clearTimer(timer)
      signal.removeEventListener('abort', giveUp)
      socket.destroy()
      resolve(answer)
    }
    const giveUp = (): void => end()
    const timer = setTimer(giveUp, timeout).unref()
    signal.addEventListener('abort', giveUp)
    socket.unref()
    socket.on('error', giveUp)
    socket.on('close', giveUp)
    socket.on('data', (chunk) => {
      reader.push(chunk)
      for (let message = reader.take(); message; message = reader.take()) {
        if (isAnswer(message, query)) return end(message)
      }
    })
    socket.write(frame(query))
    if (signal.aborted) giveUp()
  })
}
