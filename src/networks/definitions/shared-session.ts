import { basename, join } from 'node:path'
import { Session } from '../../rootless/session.ts'
import { stateDirectory } from '../../rootless/state-directory.ts'
import { writeAtomically } from '../network-record.ts'
import { NetworkDefinitions, readPlainFile } from './network-definitions.ts'

/** Names the directory of the shared session, dead or alive. */
const REGISTERED = 'shared'

/**
 * The session in which all containers on networks of the command line run, so that they reach each other whatever terminal they were
 * started in: the one that is alive, else one that begins now. It ends when the last process that uses it has ended.
 *
 * @throws {AirplantError} those of {@link Session.start}, `ERR_FILE_FAILED`
 */
export async function sharedSession(env: NodeJS.ProcessEnv): Promise<Session> {
  const definitions = new NetworkDefinitions(stateDirectory(env))
  const alive = await attachShared(env)
  if (alive) return alive
  const own = await Session.start({ env })
  try {
    const lock = await definitions.lock(own)
    // Another one may have begun at the same time.
    const first = await attachShared(env)
    if (first) {
      await own[Symbol.asyncDispose]()
      return first
    }
    writeAtomically(join(definitions.directory, REGISTERED), basename(own.directory))
    own.share()
    await lock[Symbol.asyncDispose]()
    return own
  } catch (error) {
    await own[Symbol.asyncDispose]()
    throw error
  }
}

/** The shared session's directory, if it was ever registered; it may have ended. */
export function sharedDirectory(env: NodeJS.ProcessEnv): string | undefined {
  const state = stateDirectory(env)
  const name = readPlainFile(join(state, 'networks', REGISTERED))?.trim()
  return name !== undefined && /^[0-9a-f]{12}$/.test(name) ? join(state, 'sessions', name) : undefined
}

async function attachShared(env: NodeJS.ProcessEnv): Promise<Session | undefined> {
  const found = sharedDirectory(env)
  if (found === undefined) return undefined
  // One that is on its way to its end answers nothing, or that it is going.
  return await Session.attach(found, { env, lease: true }).catch(() => undefined)
}
