import type { AirplantError } from '../../../errors.ts'
import { quoteBriefly } from '../../quote-briefly.ts'
import { isObject } from './auth-file.ts'
import { authError } from './auth-error.ts'
import type { Credentials } from './credentials.ts'
import type { HelperOptions, HelperResult } from './run-helper.ts'
import { runHelper } from './run-helper.ts'

/** The user name by which helpers say that the secret is an identity token. */
const tokenUser = '<token>'

/**
 * Asks a helper for a registry's credentials; undefined when it has none.
 *
 * @param server what it is asked for, see `canonicalKey`
 * @throws {AirplantError} `ERR_CREDENTIAL_HELPER`, `ERR_ABORTED`
 */
export async function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  const result = await runHelper(name, 'get', server, options)
  if (hasNone(result)) return undefined
  if (result.code !== 0) throw failed(name, 'get', result, [])
  const { Username: username, Secret: secret } = parseAnswer(result.stdout)
  if (typeof username !== 'string' || typeof secret !== 'string') {
    const message = `Cannot use the answer of the credential helper docker-credential-${name}: not JSON with "Username" and "Secret"`
    throw authError(message, `Look at what "docker-credential-${name} get" says`, 'ERR_CREDENTIAL_HELPER')
  }
  const source = `docker-credential-${name}`
  if (username === '' && secret === '') return undefined
  if (username === tokenUser) return { kind: 'identity-token', token: secret, source }
  return { kind: 'password', username, password: secret, source }
}

/** Gives credentials to a helper to keep. @throws {AirplantError} `ERR_CREDENTIAL_HELPER`, `ERR_ABORTED` */
export async function storeInHelper(
  name: string,
  server: string,
  credentials: Credentials,
  options: HelperOptions,
): Promise<void> {
  const [username, secret] =
    credentials.kind === 'password' ? [credentials.username, credentials.password] : [tokenUser, credentials.token]
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: secret })
  const result = await runHelper(name, 'store', input, options)
  if (result.code !== 0) throw failed(name, 'store', result, [secret])
}

/** Makes a helper forget. @throws {AirplantError} `ERR_CREDENTIAL_HELPER`, `ERR_ABORTED` */
export async function eraseFromHelper(name: string, server: string, options: HelperOptions): Promise<void> {
  const result = await runHelper(name, 'erase', server, options)
  if (result.code !== 0 && !hasNone(result)) throw failed(name, 'erase', result, [])
}

function hasNone({ code, stdout, stderr }: HelperResult): boolean {
  return code !== 0 && /credentials not found/i.test(`${stdout}\n${stderr}`)
}

function parseAnswer(text: string): Record<string, unknown> {
  try {
    const answer: unknown = JSON.parse(text)
    return isObject(answer) ? answer : {}
  } catch {
    return {}
  }
}

function failed(name: string, action: string, result: HelperResult, secrets: readonly string[]): AirplantError {
  const program = `docker-credential-${name}`
  const said = [result.stdout, result.stderr].map((text) => text.trim()).find((text) => text !== '') ?? ''
  // What it says when it fails is a reason, but one that printed an answer or its input before failing must not be quoted.
  const unsafe = /"?secret"?\s*:/i.test(said) || secrets.some((secret) => secret !== '' && said.includes(secret))
  const reason = said === '' || unsafe ? `it ended with ${result.code ?? 'a signal'}` : quoteBriefly(said)
  const message = `The credential helper ${program} failed to ${action}: ${reason}`
  return authError(message, `Run "${program} ${action}" by hand to see what it lacks`, 'ERR_CREDENTIAL_HELPER')
}
