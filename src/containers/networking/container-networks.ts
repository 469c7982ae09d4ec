import { planAttachments } from '../../networks/attachment.ts'
import { formatIp } from '../../rootless/ip-address.ts'
import { interfaceIndex } from '../../networks/link-numbers.ts'
import { rewriteResolvConf } from '../../networks/hosts-file.ts'
import { removeLink } from '../../networks/netlink/links.ts'
import { NetlinkBatch } from '../../networks/netlink/netlink-batch.ts'
import type { JoinOptions, Membership, Network } from '../../networks/network.ts'
import { SessionNetworks } from '../../networks/session-networks.ts'
import { AirplantError } from '../../errors.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { Session } from '../../rootless/session.ts'
import { attachmentOf, leaveNetworks } from './join-networks.ts'
import type { Networking } from './networking.ts'

/** A container's place on a network, as it is shown. */
export interface ContainerNetwork {
  readonly name: string
  readonly ip: string
  readonly ip6: string | undefined
  readonly aliases: readonly string[]
}

/** What a running container is to its networks. */
export interface ConnectedContainer {
  readonly session: Session
  readonly id: string
  readonly name: string | undefined
  readonly image: string
  readonly handle: number
  readonly mode: Networking['mode']
}

/**
 * The networks that a container is on while it runs. What their directories say counts: a command in another terminal may have connected
 * it, or taken it off.
 */
export class ContainerNetworks {
  readonly #container: ConnectedContainer

  constructor(container: ConnectedContainer, memberships: readonly Membership[]) {
    this.#container = container
    // A neighbour may have come while this one started, and have found no hosts file to write to.
    for (const { network, seen } of memberships) {
      if (network.members.changed() !== seen) network.members.refresh(container.id)
    }
  }

  /** Where it is now. */
  list(): ContainerNetwork[] {
    return this.#places().map(({ network, ip, ip6, aliases }) => {
      return { name: network.name, ip: formatIp(ip), ip6: ip6 && formatIp(ip6), aliases }
    })
  }

  /** @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_ADDRESS_UNAVAILABLE`, `ERR_NAME_TAKEN`, `ERR_STEP_FAILED` */
  async connect(network: Network, options: JoinOptions): Promise<void> {
    const { id, name, handle, session } = this.#container
    this.#refuse(network)
    const number = firstFree(this.#places().map((place) => place.number))
    const membership = network.join({ id, name, number }, options)
    try {
      const plan = new Plan()
      const own = plan.slot()
      plan.networkOf(own, handle)
      planAttachments(plan, own, [attachmentOf(membership, false)])
      await runToEnd(session, plan, handle)
    } catch (error) {
      leaveNetworks([membership])
      throw error
    }
    network.members.refresh(id)
    rewriteResolvConf(network.session.directory, id, network.gateway)
  }

  /** @throws {AirplantError} `ERR_NETWORK_NOT_FOUND`, `ERR_STEP_FAILED` */
  async disconnect(network: Network): Promise<void> {
    const { id, handle, session, image } = this.#container
    const place = network.placeOf(id)
    if (!place) {
      throw new AirplantError({
        code: 'ERR_NETWORK_NOT_FOUND',
        message: `Cannot take container ${id} off network "${network.name}": it is not on it`,
        hint: `It is on ${this.list().map(({ name }) => name).join(', ') || 'none'}`, // prettier-ignore
        ...{ container: id, image },
      })
    }
    const plan = new Plan()
    const own = plan.slot()
    plan.networkOf(own, handle).joinNetwork(own)
    const batch = new NetlinkBatch()
    removeLink(batch, interfaceIndex(place.number))
    await runToEnd(session, batch.addTo(plan), handle)
    leaveNetworks([place])
    network.members.forgetIn(id)
  }

  /** Gives all places back. Its interfaces go with its namespace. */
  leave(): void {
    leaveNetworks(this.#places())
  }

  #places(): Membership[] {
    const { id, session } = this.#container
    const networks = SessionNetworks.of(session).list()
    const places = networks.flatMap((network) => network.placeOf(id) ?? [])
    return places.sort((one, other) => one.number - other.number)
  }

  #refuse(network: Network): void {
    const { id, image, mode } = this.#container
    const isOn = network.placeOf(id) !== undefined
    if (!isOn && mode !== 'host' && mode !== 'container') return
    const why = isOn
      ? 'it is on it'
      : mode === 'host'
        ? "it has the host's network"
        : "it has another container's network"
    throw new AirplantError({
      code: 'ERR_INVALID_OPTION',
      message: `Cannot connect container ${id} to network "${network.name}": ${why}`,
      hint: isOn ? 'Disconnect it first to change its aliases or address' : 'Start it on networks of its own',
      ...{ container: id, image },
    })
  }
}

/** Runs a plan that makes or removes interfaces of a running container. */
async function runToEnd(session: Session, plan: Plan, target: number): Promise<void> {
  const helper = await session.client.spawn({ kind: 'helper', target, plan })
  await helper.wait()
}

function firstFree(numbers: readonly number[]): number {
  let free = 0
  while (numbers.includes(free)) free++
  return free
}
