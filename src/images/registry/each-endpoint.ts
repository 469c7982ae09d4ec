import type { AirplantError } from '../../errors.ts'
import { isAirplantError } from '../../errors.ts'
import { now } from '../../rootless/clock.ts'
import { isTlsMissing, isWrongProtocol } from './connection-failure.ts'
import { aborted, allFailed, type Attempt, type Purpose } from './purpose.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'

/** What a client remembers of the endpoints that it asked. */
export interface EndpointMemory {
  /** Endpoints that could not be reached, with the error and until when (`now()`) that counts. */
  readonly unreachable: Map<string, { error: unknown; until: number }>
  /** Addresses that answered: no other scheme is tried for their hosts. */
  readonly reached: Set<string>
}

/** Milliseconds for which an endpoint that could not be reached is passed over. */
const PASS_OVER = 30_000

/** How often an endpoint is tried. */
export type Tries = Pick<RetryOptions, 'tries' | 'connectionTries'>

/** An endpoint, and what it is asked. */
export interface Ask<T> {
  readonly endpoint: Endpoint
  readonly ask: (endpoint: Endpoint, tries: Tries) => Promise<T>
}

/**
 * Asks one endpoint after another until one has it: mirrors, then the registry. Of a host under two schemes only the first that is
 * reached counts; what could not be reached before is not waited for again while there are others.
 *
 * @throws {AirplantError} the last one's code, with a message that lists what each said; `ERR_ABORTED`
 */
export async function eachEndpoint<T>(
  purpose: Purpose,
  asks: readonly Ask<T>[],
  memory: EndpointMemory,
  signal: AbortSignal | undefined,
): Promise<T> {
  const attempts: Attempt[] = []
  for (const { endpoint, ask } of asks) {
    if (isOtherScheme(endpoint, memory)) continue
    const isLast = endpoint === asks.at(-1)!.endpoint
    const past = memory.unreachable.get(endpoint.baseUrl)
    if (past && past.until > now() && !isLast) {
      attempts.push({ from: endpoint.baseUrl, error: past.error })
      continue
    }
    try {
      const result = await ask(endpoint, triesOf(endpoint, isLast, memory))
      memory.reached.add(endpoint.baseUrl)
      return result
    } catch (error) {
      if (signal?.aborted) throw aborted(purpose, signal.reason)
      // Only refusals are one registry's; the rest would be the same everywhere.
      if (!isAirplantError(error) || error.detail === undefined) throw error
      if (!isGuess(endpoint, error, attempts)) attempts.push({ from: endpoint.baseUrl, error })
      remember(memory, endpoint, error)
    }
  }
  throw allFailed(purpose, attempts)
}

/** What failed once is tried again, but not often while there are others who may have it. */
function triesOf({ baseUrl, isMirror }: Endpoint, isLast: boolean, { reached }: EndpointMemory): Tries {
  return { tries: isMirror ? 2 : 5, connectionTries: isLast || reached.has(baseUrl) ? 5 : isMirror ? 2 : 3 }
}

function remember({ unreachable, reached }: EndpointMemory, { baseUrl }: Endpoint, error: AirplantError): void {
  if (error.code !== 'ERR_REGISTRY_UNREACHABLE') {
    // Go and nginx answer plain HTTP on a TLS port with 400.
    if (!isWrongProtocol(error) && !error.detail?.includes('answered 400')) reached.add(baseUrl)
  } else if (!reached.has(baseUrl)) unreachable.set(baseUrl, { error, until: now() + PASS_OVER })
}

/** It was asked by https only because http on the same port failed, and it is no TLS port: that is nobody's error. */
function isGuess({ baseUrl }: Endpoint, error: unknown, attempts: readonly Attempt[]): boolean {
  return isTlsMissing(error) && attempts.some(({ from }) => from === otherScheme(baseUrl))
}

function isOtherScheme({ baseUrl }: Endpoint, { reached }: EndpointMemory): boolean {
  return reached.has(otherScheme(baseUrl)) && !reached.has(baseUrl)
}

function otherScheme(baseUrl: string): string {
  return baseUrl.startsWith('https:') ? `http${baseUrl.slice(5)}` : `https${baseUrl.slice(4)}`
}
