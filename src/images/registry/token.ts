import { now } from '../../rootless/clock.ts'
import { readStart } from './body.ts'
import type { Credentials } from './credentials/credentials.ts'
import { describeAnswer } from './describe-answer.ts'
import { followRedirects } from './follow-redirects.ts'
import { foreignText } from './foreign-text.ts'
import { isLoopback } from './is-loopback.ts'
import { refusal } from './refusal.ts'
import { failedAnswer, failedConnection, isPassing } from './retryable.ts'
import type { RetryOptions } from './retry.ts'
import { withRetries } from './retry.ts'
import type { HttpAnswer, Transport } from './transport.ts'

/** What a token server lets a client do for a while. */
export interface Token {
  readonly value: string
  /** On the clock of `now()`, ms. */
  readonly expires: number
}

/** What a registry's challenge asks to get a token for. */
export interface TokenRequest {
  /** Address of the token server. */
  readonly realm: string
  readonly service: string | undefined
  /** `'repository:library/nginx:pull'`; several with spaces. */
  readonly scope: string
  /** Address of the registry that sent us there. */
  readonly registry: URL
  readonly insecureTls: boolean
  readonly credentials: Credentials | undefined
}

/** Seconds that a token is good for where the server does not say (distribution's token specification). */
const DEFAULT_LIFETIME = 60

/** Tokens are replaced so many seconds early: the request takes time, and clocks differ. */
const EARLY = 5

const LONGEST_ANSWER = 256 * 1024
const LONGEST_TOKEN = 24 * 1024

/**
 * Gets a bearer token: by GET, with the password if there is one, or by POST for an identity token.
 *
 * @throws {AirplantError} `ERR_REGISTRY_AUTH` when credentials are refused, or would go to where anybody could read them;
 *   `ERR_REGISTRY_UNREACHABLE`, `ERR_RATE_LIMITED`, `ERR_REGISTRY_ANSWER`
 */
export async function fetchToken(transport: Transport, request: TokenRequest, retry: RetryOptions): Promise<Token> {
  const realm = realmOf(request)
  const began = now()
  const answer = await withRetries(retry, async () => {
    try {
      const answer = await followRedirects(transport, { ...message(realm, request), signal: retry.signal })
      if (!isPassing(answer.status)) return { done: answer }
      return await failedAnswer(answer, `its token server ${foreignText(realm.host)} answered`)
    } catch (error) {
      return failedConnection(error, `its token server ${foreignText(realm.host)}`, retry.signal)
    }
  })
  return readToken(answer, realm, request, began)
}

/** A realm is the registry's word: it must not make us send a password where others read along, nor anywhere that is not the web. */
function realmOf({ realm, registry }: TokenRequest): URL {
  const url = URL.canParse(realm, registry.href) ? new URL(realm, registry) : undefined
  const shown = foreignText(realm)
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw refusal('ERR_REGISTRY_ANSWER', `it names "${shown}" as its token server, which is no address of one`)
  }
  const mayBePlain = registry.protocol === 'http:' || (isLoopback(registry.host) && isLoopback(url.host))
  if (url.protocol === 'http:' && !mayBePlain) {
    throw refusal(
      'ERR_REGISTRY_AUTH',
      `it is reached by https, but sends to its token server "${shown}" by plain http, where anybody could read the credentials`,
      'Tell who runs the registry; somebody may also be changing its answers on the way',
    )
  }
  url.hash = ''
  return url
}

function message(
  realm: URL,
  { service, scope, credentials, registry, insecureTls }: TokenRequest,
): Parameters<typeof followRedirects>[1] {
  const url = new URL(realm)
  const shared = { url, insecureTls: insecureTls && url.origin === registry.origin }
  const fields = { ...(service !== undefined && { service }), ...(scope !== '' && { scope }), client_id: 'airplant' }
  if (credentials?.kind === 'identity-token') {
    const form = { ...fields, grant_type: 'refresh_token', refresh_token: credentials.token }
    const body = Buffer.from(new URLSearchParams(form).toString())
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': `${body.length}` }
    return { ...shared, method: 'POST', headers: { ...headers, accept: 'application/json' }, body: () => body }
  }
  for (const [name, value] of Object.entries(fields)) {
    // One parameter for each scope, which is the form that all servers know.
    for (const each of name === 'scope' ? value.split(' ') : [value]) url.searchParams.append(name, each)
  }
  const authorization = credentials?.kind === 'password' ? { authorization: basic(credentials) } : {}
  return { ...shared, method: 'GET', headers: { accept: 'application/json', ...authorization } }
}

/** Value of an Authorization header. */
export function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

async function readToken(answer: HttpAnswer, realm: URL, { credentials }: TokenRequest, began: number): Promise<Token> {
  const server = `its token server ${foreignText(realm.host)}`
  if (answer.status !== 200) {
    const said = await describeAnswer(answer)
    if (![400, 401, 403].includes(answer.status)) throw refusal('ERR_REGISTRY_ANSWER', `${server} answered ${said}`)
    const whose = credentials
      ? `the credentials of ${foreignText(credentials.source)}`
      : 'a request without credentials'
    throw refusal('ERR_REGISTRY_AUTH', `${server} refused ${whose}: ${said}`)
  }
  const { bytes } = await readStart(answer.body, LONGEST_ANSWER).catch((cause: unknown) => {
    throw refusal('ERR_REGISTRY_UNREACHABLE', `${server} did not finish its answer`, undefined, cause)
  })
  const { token, access_token: other, expires_in: lifetime } = parse(bytes)
  const value = token ?? other
  // Anything else would be another header, or none.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value) || value.length > LONGEST_TOKEN) {
    throw refusal('ERR_REGISTRY_ANSWER', `${server} gave no usable token`)
  }
  const seconds = typeof lifetime === 'number' && lifetime > 0 ? lifetime : DEFAULT_LIFETIME
  return { value, expires: began + Math.max(seconds - EARLY, seconds / 2) * 1000 }
}

function parse(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
