import type { NetworkOption } from '../containers/networking/network-option.ts'
import type { ContainerOptions } from '../containers/options.ts'
import { SESSION_NETWORK } from '../networks/session-network-name.ts'
import { defaultSession } from '../rootless/default-session.ts'
import type { Session } from '../rootless/session.ts'

/** Where a container is to run, with its options fitted to it. */
export interface RunPlace {
  readonly session: Session
  readonly options: ContainerOptions
}

/**
 * The session for a container of `airplant run`: one of its own, which begins now; with a network of "airplant network create" the one
 * that all such containers share; with another container's network that one's.
 *
 * @throws {AirplantError} `ERR_NETWORK_NOT_FOUND`, `ERR_CONTAINER_NOT_FOUND`, `ERR_SUBNET_CLASH`, those of {@link Session.start}
 */
export function placeFor(options: ContainerOptions, env: NodeJS.ProcessEnv): Promise<RunPlace> {
  const { network = SESSION_NETWORK } = options
  const container = sharedContainer(network)
  if (container !== undefined) return besideContainer(container, options, env)
  const names = definedNames(network)
  if (names.length > 0) return onNetworks(names, options, env)
  return defaultSession(env).then((session) => ({ session, options }))
}

function sharedContainer(network: NetworkOption): string | undefined {
  if (typeof network !== 'object' || !('container' in network)) return undefined
  return typeof network.container === 'string' ? network.container : network.container.id
}

/** Names of networks that have to be made; the flags give nothing but names. */
function definedNames(network: NetworkOption): string[] {
  const list = (Array.isArray(network) ? network : [network]) as readonly (string | { readonly network: string })[]
  const names = list.map((each) => (typeof each === 'string' ? each : each.network))
  return names.filter((name) => ![SESSION_NETWORK, 'none', 'host'].includes(name))
}

async function onNetworks(
  names: readonly string[],
  options: ContainerOptions,
  env: NodeJS.ProcessEnv,
): Promise<RunPlace> {
  const [{ sharedSession }, { NetworkDefinitions }, { findDefinition, reviveNetworks }, { stateDirectory }] =
    await Promise.all([
      import('../networks/definitions/shared-session.ts'),
      import('../networks/definitions/network-definitions.ts'),
      import('../networks/definitions/revive-networks.ts'),
      import('../rootless/state-directory.ts'),
    ])
  const definitions = new NetworkDefinitions(stateDirectory(env))
  if (env['AIRPLANT_SESSION']) {
    const session = await defaultSession(env)
    await reviveNetworks(session, names, definitions)
    return { session, options }
  }
  // A name that is unknown needs no session to be said.
  for (const name of names) findDefinition(definitions, name)
  const session = await sharedSession(env)
  await reviveNetworks(session, names, definitions)
  return { session, options }
}

async function besideContainer(wanted: string, options: ContainerOptions, env: NodeJS.ProcessEnv): Promise<RunPlace> {
  const [{ findContainer }, { Session }] = await Promise.all([
    import('../containers/find-container.ts'),
    import('../rootless/session.ts'),
  ])
  const found = await findContainer(wanted, env)
  try {
    const session = await Session.attach(found.session.directory, { env, lease: true })
    return { session, options: { ...options, network: { container: found.listed.id } } }
  } finally {
    await found[Symbol.asyncDispose]()
  }
}
