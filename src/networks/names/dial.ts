import { createConnection, type Socket } from 'node:net'
import { withSocketPath } from './socket-path.ts'

/** ECONNRESET: its owner stopped listening while we were in its queue. */
const NOBODY = ['ECONNREFUSED', 'ENOENT', 'ECONNRESET']

/**
 * Connects to a Unix socket. The connection does not keep Node alive.
 *
 * @returns undefined when nobody serves it: it is not there, or its owner is dead
 * @throws {NodeJS.ErrnoException} for all else, such as EACCES
 */
export async function dial(path: string): Promise<Socket | undefined> {
  try {
    return await withSocketPath(path, connected)
  } catch (error) {
    if (NOBODY.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.unref()
    socket.once('connect', () => {
      socket.off('error', reject)
      // Whoever holds it wants to know of its end only.
      socket.on('error', () => undefined)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** Whether somebody serves a Unix socket. One whose queue is full (EAGAIN) is served, too. */
export async function isServed(path: string): Promise<boolean> {
  try {
    const socket = await dial(path)
    socket?.destroy()
    return socket !== undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true
    throw error
  }
}
