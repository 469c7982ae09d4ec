import { chmodSync, chownSync, lstatSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { ErrorCode } from '../errors.ts'
import { AirplantError } from '../errors.ts'
import { homeDirectory } from './home-directory.ts'
import { makeDirectory, makeWithParents } from './make-directories.ts'

/**
 * Where airplant keeps what outlives a container: `AIRPLANT_STATE_DIR`, else `$XDG_STATE_HOME/airplant`, else
 * `~/.local/state/airplant`; for real root /var/lib/airplant.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` when AIRPLANT_STATE_DIR is not absolute
 */
export function stateDirectory(env: NodeJS.ProcessEnv, uid = process.geteuid?.() ?? -1): string {
  const chosen = env.AIRPLANT_STATE_DIR
  if (chosen) {
    if (isAbsolute(chosen)) return chosen
    throw refusal(`Cannot use AIRPLANT_STATE_DIR "${chosen}": not an absolute path`)
  }
  if (uid === 0) return '/var/lib/airplant'
  // The base directory specification: a relative path in the variable is to be ignored.
  if (env.XDG_STATE_HOME && isAbsolute(env.XDG_STATE_HOME)) return join(env.XDG_STATE_HOME, 'airplant')
  return join(homeDirectory(env), '.local', 'state', 'airplant')
}

/** @see prepareDirectory */
export function prepareSessions(state: string, owner: number, uid = process.geteuid?.() ?? -1): string {
  return prepareDirectory(state, 'sessions', owner, uid)
}

/**
 * Makes a directory in the state directory for the user who is root in the containers, and checks that it is nobody else's.
 *
 * @param owner the mapping's host user ID of the container's root
 * @returns its path
 * @throws {AirplantError} `ERR_INVALID_OPTION` when it belongs to someone else or cannot be made, `ERR_DISK_FULL`
 */
export function prepareDirectory(state: string, name: string, owner: number, uid = process.geteuid?.() ?? -1): string {
  const path = join(state, name)
  try {
    makeWithParents(state, uid === 0 ? 0o711 : 0o700)
    if (owner !== uid) letThrough(state)
    if (makeDirectory(path) && owner !== uid) chownSync(path, owner, -1)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const full = code === 'ENOSPC' || code === 'EDQUOT'
    throw refusal(`Cannot make the state directory "${state}": ${message}`, cause, full ? 'ERR_DISK_FULL' : undefined)
  }
  checkOwner(path, owner)
  return path
}

// Real root's keeper is another user, who gets in whatever the umask was; listing stays root's.
function letThrough(state: string): void {
  const { mode } = statSync(state)
  if ((mode & 0o001) === 0) chmodSync(state, (mode & 0o777) | 0o011)
}

function checkOwner(path: string, owner: number): void {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) throw refusal(`Cannot use "${path}": not a directory`)
  if (stat.uid !== owner) {
    throw refusal(`Cannot use "${path}": it belongs to user ID ${stat.uid}, and has to belong to ${owner}`)
  }
  if ((stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8)
    throw refusal(`Cannot use "${path}": its mode is 0${mode}, and others may not enter it (chmod 700)`)
  }
}

function refusal(message: string, cause?: unknown, code: ErrorCode = 'ERR_INVALID_OPTION'): AirplantError {
  const hint = 'Set AIRPLANT_STATE_DIR to a directory of your own on a local file system'
  return new AirplantError({ code, phase: 'session', message, hint, cause })
}
