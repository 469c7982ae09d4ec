import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** A server on a Unix socket. */
export interface FrameServer extends AsyncDisposable {
  /** How many it has accepted. */
  readonly connections: number
}

/** The same bytes, the last first. */
export function reversed(message: Buffer): Buffer {
  return Buffer.from(message).reverse()
}

/** Answers each frame after the client's address, two bytes of size and then as many, with one that holds it reversed. */
export async function frameServer(path: string, how: 'as a whole' | 'in pieces' = 'as a whole'): Promise<FrameServer> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    let bytes = Buffer.alloc(0)
    let isIntroduced = false
    socket.on('data', (piece) => {
      const all = Buffer.concat([bytes, piece])
      // The client's address comes first.
      const from = isIntroduced || all.length < 16 ? 0 : 16
      isIntroduced ||= from > 0
      const { answer, rest } = isIntroduced ? answerFrames(all.subarray(from)) : { answer: Buffer.alloc(0), rest: all }
      bytes = Buffer.from(rest)
      if (how === 'as a whole') socket.write(answer)
      else writeInPieces(socket, answer)
    })
  }).listen(path)
  await once(server, 'listening')
  return {
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function answerFrames(bytes: Buffer): { answer: Buffer; rest: Buffer<ArrayBuffer> } {
  const answers: Buffer[] = []
  let at = 0
  while (bytes.length - at >= 2 && bytes.length - at - 2 >= bytes.readUInt16BE(at)) {
    const end = at + 2 + bytes.readUInt16BE(at)
    answers.push(bytes.subarray(at, at + 2), reversed(bytes.subarray(at + 2, end)))
    at = end
  }
  return { answer: Buffer.concat(answers), rest: Buffer.from(bytes.subarray(at)) }
}

/** Each piece in a write of its own; the kernel may hand over several at once. */
function writeInPieces(socket: Socket, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += 3) socket.write(bytes.subarray(at, at + 3))
}
