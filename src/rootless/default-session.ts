import { threadId } from 'node:worker_threads'
import { AirplantError } from '../errors.ts'
import { Session } from './session.ts'

/** Raised when a {@link Session} of another version of this package could not be used by this one. */
const VERSION = 1

const key = Symbol.for('airplant.session')

interface Registered {
  readonly version: number
  readonly pid: number
  readonly threadId: number
  session: Promise<Session> | undefined
}

/**
 * The session of this process, shared by all that ask for one; started at the first call, and again when its keeper has ended.
 * With `AIRPLANT_SESSION` in the environment it is that session directory's, which someone else started.
 *
 * @throws {AirplantError} as {@link Session.start} and {@link Session.attach} do; `ERR_INVALID_OPTION` when another version of this
 *   package holds the session
 * @example
 * const session = await defaultSession()
 */
export async function defaultSession(env: NodeJS.ProcessEnv = process.env): Promise<Session> {
  const registered = register()
  for (;;) {
    const starting = (registered.session ??= begin(env))
    try {
      const session = await starting
      if (!session.closed) return session
    } catch (error) {
      forget(registered, starting)
      throw error
    }
    forget(registered, starting)
  }
}

/** Ends the session if there is one, as at the end of a command. */
export async function disposeDefaultSession(): Promise<void> {
  const registered = register()
  const starting = registered.session
  registered.session = undefined
  const session = await starting?.catch(() => undefined)
  await session?.[Symbol.asyncDispose]()
}

function begin(env: NodeJS.ProcessEnv): Promise<Session> {
  return env.AIRPLANT_SESSION ? Session.attach(env.AIRPLANT_SESSION, { env }) : Session.start({ env })
}

// Another caller may have replaced it meanwhile.
function forget(registered: Registered, session: Promise<Session>): void {
  if (registered.session === session) registered.session = undefined
}

function register(): Registered {
  const holder = globalThis as { [key]?: Registered }
  const found = holder[key]
  if (found && found.version !== VERSION) {
    throw new AirplantError({
      code: 'ERR_INVALID_OPTION',
      phase: 'session',
      message: `Cannot share a session with version ${found.version} of it, which another copy of airplant in this process holds`,
      hint: 'Install one version of airplant: "npm ls airplant" shows the copies',
    })
  }
  // A snapshot of a process, or a context handed to another thread, must not use a socket that is not its own.
  if (found && found.pid === process.pid && found.threadId === threadId) return found
  return (holder[key] = { version: VERSION, pid: process.pid, threadId, session: undefined })
}
