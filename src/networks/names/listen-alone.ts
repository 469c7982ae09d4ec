import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Stats } from 'node:fs'
import { chmod, link, lstat, rename, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { isServed } from './dial.ts'
import { withSocketPath } from './socket-path.ts'

/** A Unix socket that this process serves until it is disposed. It does not keep Node alive. */
export type ListeningSocket = AsyncDisposable

/**
 * Serves a Unix socket (mode 0600), unless somebody alive already does. What a dead owner left is replaced.
 *
 * It listens under a name of its own first and then gets the path by link(2), which fails when it is taken: so nobody sees a socket that does not
 * listen yet, and of several that come at once one gets it.
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
    const isOurs = await claim(path, own)
    await rm(own, { force: true })
    if (isOurs) return { [Symbol.asyncDispose]: () => release(server, path, mark) }
    await close(server)
    return undefined
  } catch (cause) {
    await rm(own, { force: true })
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

/** Whether the path now leads to our socket. */
async function claim(path: string, own: string): Promise<boolean> {
  for (;;) {
    if (await tryLink(own, path)) return true
    if (await isServed(path)) return false
    if (!(await discard(path))) return false
  }
}

/**
 * Removes a socket that nobody serves. Between our look and the removal another one may have replaced it by its own; so it is moved aside,
 * looked at again, and put back if somebody serves it.
 *
 * @returns whether it is gone
 */
async function discard(path: string): Promise<boolean> {
  const aside = beside(path)
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
  const isAlive = await isServed(aside)
  if (isAlive) await tryLink(aside, path)
  await rm(aside, { force: true })
  return !isAlive
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The path goes first, unless it leads to somebody who took us for dead by now: who finds nobody there may listen at once. */
async function release(server: Server, path: string, mark: Stats): Promise<void> {
  const there = await lstat(path).catch(() => undefined)
  if (there?.ino === mark.ino && there.dev === mark.dev) await rm(path, { force: true })
  await close(server)
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  await once(server, 'close')
}

function beside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
}
