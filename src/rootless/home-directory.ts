import { homedir, userInfo } from 'node:os'

/** The account's home directory: HOME of the given environment, else what the account database says. */
export function homeDirectory(env: NodeJS.ProcessEnv): string {
  if (env.HOME) return env.HOME
  try {
    return userInfo().homedir
  } catch {
    return homedir() // no entry for this user ID
  }
}
