import type { AuthEntry } from './auth-file.ts'
import { authError, showKey, showSource } from './auth-error.ts'
import type { Credentials } from './credentials.ts'

/**
 * What one of `auths` holds; undefined when it is only Docker's mark that a helper has it.
 *
 * @throws {AirplantError} `ERR_REGISTRY_AUTH` when `auth` is not base64 of a name and a password
 */
export function decodeEntry(entry: AuthEntry, key: string, source: string): Credentials | undefined {
  // Azure writes both a token and an `auth` without a password: tokens come first.
  if (entry.registrytoken) return { kind: 'registry-token', token: entry.registrytoken, source }
  if (entry.identitytoken) return { kind: 'identity-token', token: entry.identitytoken, source }
  if (entry.auth) return { kind: 'password', ...decodeAuth(entry.auth, key, source), source }
  if (!entry.username) return undefined
  return { kind: 'password', username: entry.username, password: entry.password, source }
}

/** The other way round, as it is written into `auths`. */
export function encodeEntry(credentials: Credentials): Record<string, string> {
  if (credentials.kind !== 'password') {
    return { [credentials.kind === 'registry-token' ? 'registrytoken' : 'identitytoken']: credentials.token }
  }
  const { username, password } = credentials
  if (username === '' || username.includes(':')) {
    const reason = username === '' ? 'it is empty' : 'it has a colon'
    throw authError(`Cannot store the user name: ${reason}`, 'Give the name without ":", which ends it in the file')
  }
  return { auth: Buffer.from(`${username}:${password}`).toString('base64') }
}

function decodeAuth(auth: string, key: string, source: string): { username: string; password: string } {
  const bare = auth.replace(/\s/g, '')
  const text = /^[A-Za-z0-9+/_-]+={0,2}$/.test(bare) ? Buffer.from(bare, 'base64').toString() : ''
  const colon = text.indexOf(':')
  if (colon < 1) {
    const message = `Cannot read credentials from ${showSource(source)}: "auth" of ${showKey(key)} is not base64 of "username:password"`
    throw authError(message, `Log in again, or write it with: printf %s 'username:password' | base64 -w0`)
  }
  // Old versions of Docker padded it with zero bytes.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}
