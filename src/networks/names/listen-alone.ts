import { once } from 'node:events'
import type { Stats } from 'node:fs'
import { chmod, lstat } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { AirplantError } from '../../errors.ts'
import { beside, claimPath } from './claim-path.ts'
import { removeSocket } from './remove-socket.ts'
import { withSocketPath } from './socket-path.ts'

/** A Unix socket that this process serves until it is disposed. It does not keep Node alive. */
export type ListeningSocket = AsyncDisposable

/**
 * Serves a Unix socket (mode 0600), unless somebody alive already does. What a dead owner left is replaced.
 *
 * It listens under a name of its own first, so that nobody sees a socket that does not listen yet and takes it for dead.
 *
 * @param path absolute, of any length
 * @returns undefined when somebody serves it
 * @throws {AirplantError} `ERR_FILE_FAILED` when it cannot be made
 */
export async function listenAlone(
  path: string,
  onConnection: (socket: Socket) => void,
): Promise<ListeningSocket | undefined> {
  const own = beside(path)
  const server = createServer({ allowHalfOpen: true }, onConnection).unref()
  try {
    // Without "exclusive", workers of node:cluster would have their primary listen.
    await withSocketPath(own, (short) => listening(server, short))
    await chmod(own, 0o600)
    const mark = await lstat(own)
    const isOurs = await claimPath(path, own)
    await removeSocket(own)
    if (isOurs) return { [Symbol.asyncDispose]: () => release(server, path, mark) }
    await close(server)
    return undefined
  } catch (cause) {
    await removeSocket(own)
    await close(server)
    throw new AirplantError({
      code: 'ERR_FILE_FAILED',
      phase: 'session',
      message: `Cannot listen on "${path}": ${(cause as Error).message}`,
      hint: 'Look whether its directory exists and belongs to you',
      cause,
    })
  }
}

async function listening(server: Server, path: string): Promise<void> {
  server.listen({ path, exclusive: true })
  await once(server, 'listening')
}

/** The path goes first, unless it leads to somebody who took us for dead by now: who finds nobody there may listen at once. */
async function release(server: Server, path: string, mark: Stats): Promise<void> {
  const there = await lstat(path).catch(() => undefined)
  if (there?.ino === mark.ino && there.dev === mark.dev) await removeSocket(path)
  await close(server)
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  await once(server, 'close')
}
