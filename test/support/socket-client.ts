import { once } from 'node:events'
import { connect } from 'node:net'

/** What a server answers first to what is sent to its socket. */
export async function answerAt(path: string, request: Uint8Array): Promise<Buffer> {
  const socket = connect(path)
  try {
    socket.write(request)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return answer
  } finally {
    socket.destroy()
  }
}

/** PostgreSQL's start-up message, protocol 3.0. */
export function startup(user: string): Buffer {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${user}\0\0`, 'latin1')
  const size = Buffer.alloc(4)
  size.writeUInt32BE(body.length + 4)
  return Buffer.concat([size, body])
}
