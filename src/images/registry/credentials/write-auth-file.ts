import { randomBytes } from 'node:crypto'
import { lstat, mkdir, open, readlink, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { authError } from './auth-error.ts'

/**
 * Replaces a file of credentials in one step, readable by its owner only. A symbolic link stays one, also one whose file does not exist yet:
 * people keep such files in a repository of dotfiles.
 *
 * @throws {AirplantError} `ERR_REGISTRY_AUTH`
 */
export async function writeAuthFile(path: string, text: string): Promise<void> {
  try {
    const target = await followLinks(path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await replaceFile(target, text)
  } catch (error) {
    const { code = 'it cannot be written' } = error as NodeJS.ErrnoException
    const hint = 'Make its directory writable, or set DOCKER_CONFIG to a directory of your own'
    throw authError(`Cannot write credentials to "${path}": ${code}`, hint)
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await keepOwner(path, (uid, gid) => file.chown(uid, gid))
    await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    throw error
  }
}

/** Somebody who logs in with sudo keeps the use of the file. */
async function keepOwner(path: string, chown: (uid: number, gid: number) => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = await stat(path).catch(() => ({ uid: 0, gid: 0 }))
  if (uid !== 0 || gid !== 0) await chown(uid, gid)
}

async function followLinks(path: string, left = 40): Promise<string> {
  const isLink = await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
  if (!isLink) return path
  if (left === 0) throw Object.assign(new Error('too many links'), { code: 'ELOOP' })
  return followLinks(resolve(dirname(path), await readlink(path)), left - 1)
}
