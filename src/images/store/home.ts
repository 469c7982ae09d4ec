import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { quoteBriefly } from '../quote-briefly.ts'

/**
 * Where images, layers and volumes are: `AIRPLANT_HOME`, else `$XDG_DATA_HOME/airplant`, else `~/.local/share/airplant`; for real root
 * /var/lib/airplant/store.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` when AIRPLANT_HOME is not absolute
 */
export function storeHome(env: NodeJS.ProcessEnv, uid = process.geteuid?.() ?? -1): string {
  const chosen = env.AIRPLANT_HOME
  if (chosen) {
    if (isAbsolute(chosen)) return chosen
    throw new AirplantError({
      code: 'ERR_INVALID_OPTION',
      phase: 'store',
      message: `Cannot use AIRPLANT_HOME ${quoteBriefly(chosen)}: not an absolute path`,
      hint: 'Set it to the whole path of a directory of your own',
    })
  }
  if (uid === 0) return '/var/lib/airplant/store'
  // The base directory specification: a relative path in the variable is to be ignored.
  if (env.XDG_DATA_HOME && isAbsolute(env.XDG_DATA_HOME)) return join(env.XDG_DATA_HOME, 'airplant')
  return join(env.HOME || homeOfAccount(), '.local', 'share', 'airplant')
}

function homeOfAccount(): string {
  try {
    return userInfo().homedir
  } catch {
    return homedir() // no entry for this user ID
  }
}
