import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connectKeeper } from '../../../src/rootless/connect-keeper.ts'
import {
  clientFrames,
  encodeFrame,
  encodeHeader,
  frameFields,
  FrameReader,
} from '../../../src/rootless/protocol/frames.ts'
import type { Frame } from '../../../src/rootless/protocol/frames.ts'

const MARK = 0xffff_fff0

/** A frame with any body, whatever its type says. */
export function frameOf(type: number, body: Uint8Array, id = 7): Buffer {
  return Buffer.concat([encodeHeader(type, id, body.length), body])
}

/** Sends bytes over a connection of its own; gives the frames that answer them, `undefined` when the keeper cuts the connection. */
export async function answersTo(directory: string, bytes: Uint8Array): Promise<Frame[] | undefined> {
  const socket = await connectKeeper(directory)
  try {
    socket.write(bytes)
    socket.write(encodeFrame(clientFrames.list, MARK, frameFields()))
    return await framesUntilMark(socket)
  } finally {
    socket.destroy()
  }
}

/** Sends bytes and hangs up. */
export async function sendAndLeave(directory: string, bytes: Uint8Array): Promise<void> {
  const socket = await connectKeeper(directory)
  socket.on('error', () => undefined)
  const closed = once(socket, 'close')
  socket.end(bytes)
  socket.resume()
  await closed
}

async function framesUntilMark(socket: Socket): Promise<Frame[] | undefined> {
  const reader = new FrameReader()
  const frames: Frame[] = []
  try {
    for await (const chunk of socket) {
      for (const frame of reader.read(chunk as Buffer)) {
        if (frame.id === MARK) return frames
        frames.push({ ...frame, body: Buffer.from(frame.body) })
      }
    }
  } catch (error) {
    if (!/EPIPE|ECONNRESET/.test(String((error as NodeJS.ErrnoException).code))) throw error
  }
  return undefined
}

/** Numbers that look random and are the same in every run (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
