import { ContainerNetworks } from '../containers/networking/container-networks.ts'
import { readMeta } from '../containers/container-meta.ts'
import { AirplantError } from '../errors.ts'
import type { Network } from '../networks/network.ts'
import type { KnownNetwork, KnownNetworks } from './known-networks.ts'
import { memberName, membersOf } from './known-networks.ts'

/**
 * Removes a network: its definition, and where it is alive.
 *
 * @param options.force takes off the containers that are on it
 * @throws {AirplantError} `ERR_IN_USE`
 */
export async function removeKnownNetwork(
  network: KnownNetwork,
  { definitions }: KnownNetworks,
  options: { readonly force: boolean },
): Promise<void> {
  const { name, kind, living } = network
  if (kind === 'builtin') throw inUse(name, `${name} is a pre-defined network`, 'Remove those of "network create"')
  const members = membersOf(network)
  if (members.length > 0 && !options.force) {
    const hint = 'Stop them, take them off it with "airplant network disconnect", or write --force'
    throw inUse(name, `these containers are on it: ${members.map(memberName).join(', ')}`, hint)
  }
  if (kind === 'defined') definitions.remove(name)
  for (const each of living) {
    await takeOff(each)
    await each[Symbol.asyncDispose]()
  }
}

/** Its containers keep no interface that leads nowhere, nor names. */
async function takeOff(network: Network): Promise<void> {
  const { session } = network
  const members = new Set(network.containers().map(({ container }) => container))
  for (const { id, meta, handle, state } of members.size > 0 ? await session.client.list() : []) {
    if (!members.has(id) || state === 'exited') continue
    const { name, image, network: mode } = readMeta(meta)
    await new ContainerNetworks({ session, id, name, image, handle, mode }, []).disconnect(network)
  }
}

function inUse(name: string, why: string, hint: string): AirplantError {
  return new AirplantError({ code: 'ERR_IN_USE', message: `Cannot remove network "${name}": ${why}`, hint })
}
