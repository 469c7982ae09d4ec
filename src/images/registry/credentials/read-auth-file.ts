import { readFile } from 'node:fs/promises'
import { authError } from './auth-error.ts'

/**
 * The text of a file with credentials; undefined when there is none. Who else may read it is not looked at: Docker does not, and CI mounts
 * such files as they come.
 *
 * @throws {AirplantError} `ERR_REGISTRY_AUTH` when it cannot be read: to go on without would be a puzzling refusal by the registry
 */
export async function readAuthFile(path: string, required = false): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const missing = code === 'ENOENT' || code === 'ENOTDIR'
    // What containers of root keep there is closed to others, and then cannot have their logins either.
    const isClosed = code === 'EACCES' && path.startsWith('/run/containers/')
    if ((missing || isClosed) && !required) return undefined
    throw authError(
      `Cannot read credentials from "${path}": ${missing ? 'there is no such file' : (code ?? 'it cannot be read')}`,
      missing ? 'Correct REGISTRY_AUTH_FILE, or unset it' : 'Make it a file that you may read',
    )
  }
}
