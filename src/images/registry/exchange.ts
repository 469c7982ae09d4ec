import { Authoriser, type FindCredentials } from './authorise.ts'
import { describeAnswer } from './describe-answer.ts'
import { discard } from './body.ts'
import { followRedirects, withoutSecrets } from './follow-redirects.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions, Try } from './retry.ts'
import { withRetries } from './retry.ts'
import { failedAnswer, failedConnection, isPassing } from './retryable.ts'
import type { HttpAnswer, HttpRequest } from './transport.ts'
import { Transport } from './transport.ts'

/** A request to an endpoint, whatever it takes. */
export interface RegistryRequest {
  readonly method: HttpRequest['method']
  /** Below the registry's root, `'/v2/library/nginx/manifests/latest'`; or an address that the registry gave. */
  readonly path: string | URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: HttpRequest['body']
  /** `'repository:library/nginx:pull'`. */
  readonly scope: string
  /** Statuses that are no error. */
  readonly expected: readonly number[]
}

/** 401 comes first without a token, then with one that is too old or for too little, then for good. */
const MOST_SENDINGS = 3

/** Sends requests to endpoints: with the Authorization that each wants, along redirects, again where that may help. */
export class Exchange implements AsyncDisposable {
  readonly #transport: Transport
  readonly #authoriser: Authoriser

  constructor(
    env: NodeJS.ProcessEnv,
    { find, stallTimeout }: { find?: FindCredentials | undefined; stallTimeout?: number | undefined } = {},
  ) {
    this.#transport = new Transport(env, { stallTimeout })
    this.#authoriser = new Authoriser(this.#transport, env, find)
  }

  /**
   * The answer with an expected status. Its body has to be read or destroyed.
   *
   * @throws {AirplantError} a refusal, with `ERR_REGISTRY_AUTH`, `ERR_IMAGE_NOT_FOUND`, `ERR_RATE_LIMITED`, `ERR_REGISTRY_UNREACHABLE` or
   *   `ERR_REGISTRY_ANSWER`; or the signal's reason
   */
  async send(endpoint: Endpoint, request: RegistryRequest, retry: RetryOptions): Promise<HttpAnswer> {
    return withRetries(retry, () => this.attempt(endpoint, request, retry))
  }

  /** One try of {@link send}, for what cannot just be sent again. */
  async attempt(endpoint: Endpoint, request: RegistryRequest, retry: RetryOptions): Promise<Try<HttpAnswer>> {
    try {
      const answer = await this.#authorised(endpoint, request, retry)
      if (request.expected.includes(answer.status)) return { done: answer }
      if (isPassing(answer.status)) return await failedAnswer(answer, 'it answered')
      throw await unexpected(answer)
    } catch (error) {
      return failedConnection(error, 'it', retry.signal)
    }
  }

  async #authorised(endpoint: Endpoint, request: RegistryRequest, retry: RetryOptions): Promise<HttpAnswer> {
    const { method, path, headers = {}, body, scope } = request
    const url = typeof path === 'string' ? new URL(`${endpoint.baseUrl}${path}`) : path
    const isOwn = url.origin === new URL(endpoint.baseUrl).origin
    for (let count = 1; ; count++) {
      const authorization = isOwn ? await this.#authoriser.authorization(endpoint, scope, retry) : undefined
      const answer = await followRedirects(this.#transport, {
        method,
        url,
        headers: authorization === undefined ? withoutSecrets(headers) : { ...headers, authorization },
        body,
        insecureTls: endpoint.insecureTls && isOwn,
        signal: retry.signal,
      })
      if (answer.status !== 401 || answer.url.origin !== url.origin || !isOwn) return answer
      await discard(answer.body)
      if (count === MOST_SENDINGS) throw await this.#authoriser.refusal(endpoint)
      await this.#authoriser.learn(endpoint, scope, answer, authorization)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]()
  }
}

async function unexpected(answer: HttpAnswer): Promise<Error> {
  const { status } = answer
  const said = `it answered ${await describeAnswer(answer)}`
  if (status === 404) return refusal('ERR_IMAGE_NOT_FOUND', said)
  if (status === 401 || status === 403) return refusal('ERR_REGISTRY_AUTH', said)
  return refusal('ERR_REGISTRY_ANSWER', said)
}
