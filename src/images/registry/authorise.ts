import { now } from '../../rootless/clock.ts'
import type { Challenge } from './challenges.ts'
import { parseChallenges } from './challenges.ts'
import type { Credentials } from './credentials/credentials.ts'
import { findCredentials } from './credentials/find-credentials.ts'
import { header } from './header.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'
import type { Token } from './token.ts'
import { basic, fetchToken } from './token.ts'
import type { HttpAnswer, Transport } from './transport.ts'

/** Looks credentials up; see {@link findCredentials}. */
export type FindCredentials = (registry: string, repository: string) => Promise<Credentials | undefined>

/** What is known of how a registry wants to be asked. */
interface Known {
  readonly challenge: Challenge
  /** What it wanted instead of the scope that we thought of. */
  readonly scopes: Map<string, string>
  /** By the scope that we thought of. */
  readonly tokens: Map<string, Promise<Token>>
}

/**
 * Finds out how registries want to be asked, and remembers it: after the first answer, requests come with their Authorization at once.
 * Credentials are looked up only when a registry wants any, and once.
 */
export class Authoriser {
  readonly #transport: Transport
  readonly #find: FindCredentials
  readonly #known = new Map<string, Known>()
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>()

  constructor(transport: Transport, env: NodeJS.ProcessEnv, find?: FindCredentials) {
    this.#transport = transport
    this.#find = find ?? ((registry, repository) => findCredentials(registry, repository, { env }))
  }

  /** The Authorization for a request, as far as one is known to be wanted. */
  async authorization(endpoint: Endpoint, scope: string, retry: RetryOptions): Promise<string | undefined> {
    const known = this.#known.get(endpoint.baseUrl)
    if (!known) return undefined
    const credentials = await this.#credentialsOf(endpoint)
    if (known.challenge.scheme === 'basic') return credentials?.kind === 'password' ? basic(credentials) : undefined
    if (credentials?.kind === 'registry-token') return `Bearer ${credentials.token}`
    return `Bearer ${await this.#token(known, endpoint, scope, credentials, retry)}`
  }

  /**
   * Learns from an answer with status 401 to a request that had this Authorization.
   *
   * @throws {AirplantError} `ERR_REGISTRY_AUTH` when there is nothing else to try
   */
  async learn(endpoint: Endpoint, scope: string, answer: HttpAnswer, sent: string | undefined): Promise<void> {
    const challenges = parseChallenges(header(answer.headers, 'www-authenticate') ?? '')
    const credentials = await this.#credentialsOf(endpoint)
    const challenge =
      challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm')) ??
      challenges.find(({ scheme }) => scheme === 'basic')
    if (!challenge) {
      const offered = challenges.map(({ scheme }) => scheme).join(', ')
      throw refusal('ERR_REGISTRY_AUTH', `it wants credentials${offered && ` of a kind not known here (${offered})`}`)
    }
    if (challenge.scheme === 'basic' && credentials?.kind !== 'password') {
      throw refusal(
        'ERR_REGISTRY_AUTH',
        `it wants a user name and a password, and ${credentials ? 'only a token is' : 'none are'} known`,
      )
    }
    const isStatic = challenge.scheme === 'basic' || credentials?.kind === 'registry-token'
    if (isStatic && sent !== undefined) throw refused(credentials)
    const known = this.#knownBy(endpoint, challenge)
    const wanted = challenge.parameters.get('scope')
    if (wanted) known.scopes.set(scope, wanted)
    known.tokens.delete(scope)
  }

  /** The error for a request that got 401 also with a fresh token. */
  async refusal(endpoint: Endpoint): Promise<Error> {
    return refused(await this.#credentialsOf(endpoint))
  }

  #knownBy({ baseUrl }: Endpoint, challenge: Challenge): Known {
    const known = this.#known.get(baseUrl)
    if (known && isSameServer(known.challenge, challenge)) return known
    const fresh = { challenge, scopes: new Map(), tokens: new Map() }
    this.#known.set(baseUrl, fresh)
    return fresh
  }

  async #token(
    { challenge, scopes, tokens }: Known,
    endpoint: Endpoint,
    scope: string,
    credentials: Credentials | undefined,
    retry: RetryOptions,
  ): Promise<string> {
    const cached = await tokens.get(scope)?.catch(() => undefined)
    if (cached && cached.expires > now()) return cached.value
    const { parameters } = challenge
    const request = {
      realm: parameters.get('realm')!,
      service: parameters.get('service'),
      // What the registry says it wants goes first: behind a proxy it may know the repository by another name.
      scope: scopes.get(scope) ?? scope,
      registry: new URL(endpoint.baseUrl),
      insecureTls: endpoint.insecureTls,
      credentials,
    }
    const asked = fetchToken(this.#transport, request, retry)
    // Layers are asked for at the same time: one token is enough for all of them.
    tokens.set(scope, asked)
    try {
      return (await asked).value
    } catch (error) {
      tokens.delete(scope)
      throw error
    }
  }

  async #credentialsOf({ credentialsKey, repository }: Endpoint): Promise<Credentials | undefined> {
    const key = `${credentialsKey}/${repository}`
    const known = this.#credentials.get(key)
    if (known) return known
    const found = this.#find(credentialsKey, repository)
    this.#credentials.set(key, found)
    return found
  }
}

function refused(credentials: Credentials | undefined): Error {
  if (credentials) return refusal('ERR_REGISTRY_AUTH', `it refuses the credentials of ${credentials.source}`)
  return refusal(
    'ERR_REGISTRY_AUTH',
    'it does not let anybody in without credentials: it is private, or does not exist',
  )
}

function isSameServer(a: Challenge, b: Challenge): boolean {
  return (
    a.scheme === b.scheme && ['realm', 'service'].every((name) => a.parameters.get(name) === b.parameters.get(name))
  )
}
