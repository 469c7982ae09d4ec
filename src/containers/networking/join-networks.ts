import { AirplantError } from '../../errors.ts'
import type { Attachment } from '../../networks/attachment.ts'
import type { Membership, Network } from '../../networks/network.ts'
import { SessionNetworks } from '../../networks/session-networks.ts'
import { SESSION_NETWORK } from '../../networks/session-network-name.ts'
import type { Session } from '../../rootless/session.ts'
import { readMeta } from '../container-meta.ts'
import { invalidOption } from '../option-parsers.ts'
import type { AttachmentSpec, ContainerSpec } from '../spec.ts'
import type { Networking } from './networking.ts'
import { plainNetworking } from './networking.ts'

/** What joining needs to know of a container. */
export type Joining = Pick<ContainerSpec, 'id' | 'name' | 'network' | 'egress' | 'image'>

/**
 * Gives a container its places on the networks that it names. Nothing of them is in the kernel yet; {@link leaveNetworks} gives them back.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_NETWORK_NOT_FOUND`, `ERR_CONTAINER_NOT_FOUND`, `ERR_ADDRESS_UNAVAILABLE`, `ERR_NAME_TAKEN`,
 *   `ERR_EGRESS_UNAVAILABLE`
 */
export async function joinNetworks(spec: Joining, session: Session, env: NodeJS.ProcessEnv): Promise<Networking> {
  const { network } = spec
  if (network.mode === 'container') return await share(network.container, session)
  if (network.mode !== 'networks') return plainNetworking(network.mode)
  const networks = await Promise.all(network.attachments.map(({ network: wanted }) => findNetwork(wanted, session)))
  const twice = networks.find((each, index) => networks.indexOf(each) !== index)
  if (twice) throw invalidOption('network', twice.name, 'named twice', 'Name each network once')
  const way = spec.egress === false ? undefined : await wayOut(spec, networks, env)
  const memberships: Membership[] = []
  try {
    for (const [index, each] of networks.entries()) {
      memberships.push(each.join({ ...spec, number: index }, network.attachments[index]!.options))
      if (way) each.members.letOut(spec.id)
    }
  } catch (error) {
    leaveNetworks(memberships)
    throw error
  }
  const attachments = memberships.map((membership) => attachmentOf(membership, membership.network === way))
  return { mode: 'networks', memberships, attachments, shared: undefined, egress: way !== undefined }
}

/** Gives the places back; what is gone already is fine. */
export function leaveNetworks(memberships: readonly Membership[]): void {
  for (const { network, claims } of memberships) network.leave(claims)
}

/** What a plan needs for one interface. */
export function attachmentOf({ network, number, ip, ip6 }: Membership, isWayOut: boolean): Attachment {
  return { network: network.handle, number, ip, ip6, ...network.subnets, isWayOut }
}

/** The network of a name or, as it is, of an object. */
export async function findNetwork(wanted: AttachmentSpec['network'], session: Session): Promise<Network> {
  const networks = SessionNetworks.of(session)
  if (wanted === SESSION_NETWORK) return await networks.implicit()
  if (typeof wanted === 'string') return networks.find(wanted)
  if (wanted.session.directory === session.directory) return wanted
  throw new AirplantError({
    code: 'ERR_NETWORK_NOT_FOUND',
    phase: 'create',
    message: `Cannot join network "${wanted.name}": it is of another session`,
    hint: 'Give createNetwork() and withContainer() the same session, or to neither',
  })
}

/** The first network that is not internal. What it needs is started, and waited for within bounds. */
async function wayOut(
  { egress, id, image }: Joining,
  networks: readonly Network[],
  env: NodeJS.ProcessEnv,
): Promise<Network> {
  const way = networks.find(({ internal }) => !internal)
  if (way) {
    await way.openEgress(typeof egress === 'string' ? egress : undefined, env)
    return way
  }
  throw new AirplantError({
    code: 'ERR_EGRESS_UNAVAILABLE',
    phase: 'create',
    message: `Cannot give container ${id} a way out: network "${networks[0]?.name ?? ''}" is internal`,
    hint: 'Leave out egress, or add a network that is not internal',
    container: id,
    image,
  })
}

async function share(wanted: string, session: Session): Promise<Networking> {
  const all = (await session.client.list()).map((listed) => ({ ...listed, about: readMeta(listed.meta) }))
  const found = all.find(({ id, about }) => id === wanted || about.name === wanted)
  if (!found || found.state === 'exited') {
    throw new AirplantError({
      code: 'ERR_CONTAINER_NOT_FOUND',
      phase: 'create',
      message: `Cannot share the network of container "${wanted}": no running one of this session has that name or ID`,
      hint: 'Start it first, in the same session',
      container: wanted,
    })
  }
  const { network } = found.about
  if (network === 'host') return plainNetworking('host')
  const shared = { handle: found.handle, id: found.id }
  return { mode: 'container', memberships: [], attachments: [], shared, egress: false }
}
