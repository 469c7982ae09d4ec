import { AirplantError, isAirplantError } from '../../errors.ts'
import { discard } from './body.ts'
import type { Credentials } from './credentials/credentials.ts'
import type { Tries } from './each-endpoint.ts'
import { eachEndpoint } from './each-endpoint.ts'
import { Exchange } from './exchange.ts'
import { loadRegistriesConfig } from './load-registries-config.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import { resolveEndpoints } from './resolve-endpoints.ts'

/**
 * Asks a registry whether it takes credentials; one that lets everybody in takes any.
 *
 * @param registry host, with its port
 * @throws {AirplantError} `ERR_REGISTRY_AUTH` when it does not, `ERR_REGISTRY_UNREACHABLE`, `ERR_REGISTRY_ANSWER`, `ERR_RATE_LIMITED`,
 *   `ERR_INVALID_OPTION` (the configuration), `ERR_ABORTED`
 */
export async function checkLogin(
  registry: string,
  credentials: Credentials,
  { env, signal }: { env: NodeJS.ProcessEnv; signal?: AbortSignal | undefined },
): Promise<void> {
  // Any name in it: a login is for the registry, and its mirrors have their own.
  const reference = { registry, repository: 'library/any' }
  const endpoints = resolveEndpoints(reference, await loadRegistriesConfig(env)).filter(({ isMirror }) => !isMirror)
  const purpose = { verb: 'log in to', name: registry, registry, phase: 'pull' } as const
  await using exchange = new Exchange(env, { find: () => Promise.resolve(credentials) })
  const ask = async (endpoint: Endpoint, tries: Tries): Promise<void> => {
    const request = { method: 'GET', path: '/v2/', scope: '', expected: [200] } as const
    const { body } = await exchange.send(endpoint, request, { ...tries, tries: 2, connectionTries: 2, signal })
    await discard(body)
  }
  const memory = { unreachable: new Map(), reached: new Set<string>() }
  try {
    await eachEndpoint(
      purpose,
      endpoints.map((endpoint) => ({ endpoint, ask })),
      memory,
      signal,
    )
  } catch (error) {
    if (!isAirplantError(error) || error.code !== 'ERR_REGISTRY_AUTH') throw error
    const [message = ''] = error.message.split('\n')
    throw new AirplantError({ code: error.code, message, hint: 'Check the user name and the password', cause: error })
  }
}
