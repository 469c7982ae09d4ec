import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Session } from './session.ts'
import { stateDirectory } from './state-directory.ts'

/** Joins all sessions of this account that are alive. Dispose each; that ends none of them. */
export async function attachSessions(env: NodeJS.ProcessEnv): Promise<Session[]> {
  const sessions = join(stateDirectory(env), 'sessions')
  const names = await readdir(sessions).catch(() => [])
  // What a dead process left has no keeper; it is swept at the next start.
  const attached = names.map((name) => Session.attach(join(sessions, name), { env }).catch(() => undefined))
  return (await Promise.all(attached)).filter((session) => session !== undefined)
}
