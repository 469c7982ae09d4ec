import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { AirplantError } from '../errors.ts'

// unix(7): sun_path has 108 bytes, the last of which is a NUL.
const MOST_PATH_BYTES = 107

/**
 * Connects to the keeper of a session directory, which may be as deep as a path can be.
 *
 * @throws {AirplantError} `ERR_KEEPER_GONE` when no keeper listens there
 */
export async function connectKeeper(directory: string): Promise<Socket> {
  const path = join(directory, 'keeper.sock')
  try {
    if (Buffer.byteLength(path) <= MOST_PATH_BYTES) return await connect(path)
    const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      return await connect(`/proc/self/fd/${handle.fd}/keeper.sock`)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw new AirplantError({
      code: 'ERR_KEEPER_GONE',
      phase: 'session',
      message: `Cannot reach the keeper of "${directory}": ${(cause as Error).message}`,
      hint: 'Its session has ended: start a new one',
      cause,
    })
  }
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
