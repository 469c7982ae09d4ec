import { ContainerNetworks } from '../containers/networking/container-networks.ts'
import type { FoundContainer } from '../containers/find-container.ts'
import { findContainer } from '../containers/find-container.ts'
import { AirplantError, isAirplantError } from '../errors.ts'
import { NetworkDefinitions } from '../networks/definitions/network-definitions.ts'
import { reviveNetworks } from '../networks/definitions/revive-networks.ts'
import { sharedDirectory } from '../networks/definitions/shared-session.ts'
import type { Network } from '../networks/network.ts'
import { SessionNetworks } from '../networks/session-networks.ts'
import { stateDirectory } from '../rootless/state-directory.ts'
import { endOnSignals } from './end-on-signals.ts'
import { usageError } from './usage-error.ts'

/** Runs a command about a running container's networks, whichever process started it. */
export async function withNetworksOf(
  wanted: string,
  command: (container: FoundContainer, networks: ContainerNetworks) => Promise<void>,
): Promise<void> {
  endOnSignals()
  const found = await findContainer(wanted, process.env)
  try {
    const { session, listed, meta } = found
    const { id, handle, state } = listed
    if (state === 'exited') throw notRunning(wanted)
    const { name, image, network: mode } = meta
    await command(found, new ContainerNetworks({ session, id, name, image, handle, mode }, []))
  } finally {
    await found[Symbol.asyncDispose]()
  }
}

/**
 * The network of that name where the container is. One that is only defined comes to life if that is where it does.
 *
 * @throws {AirplantError} `ERR_NETWORK_NOT_FOUND`, `ERR_INVALID_OPTION`
 */
export async function networkFor(
  { session, listed }: FoundContainer,
  wanted: string,
  env: NodeJS.ProcessEnv,
): Promise<Network> {
  if (wanted === 'none' || wanted === 'host') {
    throw usageError(`Cannot connect a running container to "${wanted}"`, `Start it with --network ${wanted}`)
  }
  const networks = SessionNetworks.of(session)
  if (['bridge', 'default', 'session'].includes(wanted)) return await networks.implicit()
  const found = tryFind(networks, wanted)
  if (found) return found
  const definitions = new NetworkDefinitions(stateDirectory(env))
  const defined = definitions.list().find(({ name, id }) => name === wanted || id === wanted)
  if (!defined) return networks.find(wanted)
  if (session.directory !== sharedDirectory(env)) throw elsewhere(listed.id, defined.name)
  await reviveNetworks(session, [defined.name], definitions)
  return networks.find(defined.name)
}

function tryFind(networks: SessionNetworks, wanted: string): Network | undefined {
  try {
    return networks.find(wanted)
  } catch (error) {
    if (isAirplantError(error) && error.code === 'ERR_NETWORK_NOT_FOUND') return undefined
    throw error
  }
}

function elsewhere(container: string, network: string): AirplantError {
  return new AirplantError({
    code: 'ERR_NETWORK_NOT_FOUND',
    message: `Cannot connect container ${container} to network "${network}": it runs in a session of its own`,
    hint: `Start it with --network ${network}: what runs on networks of "network create" shares a session`,
    container,
  })
}

function notRunning(container: string): AirplantError {
  return new AirplantError({
    code: 'ERR_NOT_RUNNING',
    message: `Cannot change the networks of container "${container}": it has ended`,
    hint: 'Start another one',
    container,
  })
}
