import type { Plan } from '../rootless/protocol/plan.ts'
import type { IpAddress } from '../rootless/ip-address.ts'
import { bytesOf } from '../rootless/ip-address.ts'
import type { Subnet } from './addresses/subnet.ts'
import { BRIDGE, BRIDGE_MAC, interfaceIndex, MTU, newPortIndex } from './link-numbers.ts'
import { gatewayOf } from './network-plan.ts'
import { addVeth, allowLargePieces, linkUp, settleLink } from './netlink/links.ts'
import { NetlinkBatch } from './netlink/netlink-batch.ts'
import { addAddress, addDefaultRoute, addRoute, setNeighbour, setPortOf } from './netlink/routes.ts'

/** One interface of a container: what a plan needs to make it. */
export interface Attachment {
  /** The keeper's handle of the process that holds the network. */
  readonly network: number
  /** `eth` and this number. */
  readonly number: number
  readonly ip: IpAddress
  readonly ip6: IpAddress | undefined
  readonly subnet: Subnet
  readonly subnet6: Subnet | undefined
  /** Whether packets for other machines go this way. */
  readonly isWayOut: boolean
}

/**
 * Steps that connect the container's own network namespace, in the slot `own`, to networks. They are taken within each network, and
 * back in the container's: the host's namespace is out of reach from then on.
 */
export function planAttachments(plan: Plan, own: number, attachments: readonly Attachment[]): void {
  for (const attachment of attachments) {
    const network = plan.slot()
    plan.networkOf(network, attachment.network).joinNetwork(network)
    const port = newPortIndex()
    makePair(attachment, port, own).addTo(plan)
    plan.joinNetwork(own)
    configure(attachment).addTo(plan)
    plan.joinNetwork(network)
    const settling = new NetlinkBatch()
    settleLink(settling, port)
    settling.addTo(plan).joinNetwork(own)
  }
}

function makePair({ number, ip, ip6 }: Attachment, port: number, own: number): NetlinkBatch {
  const batch = new NetlinkBatch()
  const mac = macOf(ip)
  const peer = { index: interfaceIndex(number), name: `eth${number}`, mac, namespace: own }
  addVeth(batch, { index: port, bridge: BRIDGE, mtu: MTU, peer })
  allowLargePieces(batch, port)
  setPortOf(batch, port, mac)
  for (const address of [ip, ip6]) if (address) setNeighbour(batch, BRIDGE, address, mac)
  return batch
}

// With the address first, the kernel tells the bridge of it when the interface comes up.
function configure(attachment: Attachment): NetlinkBatch {
  const { number, isWayOut } = attachment
  const index = interfaceIndex(number)
  const metric = metricOf(number)
  const places = placesOf(attachment)
  const batch = new NetlinkBatch()
  for (const { address, subnet } of places)
    addAddress(batch, { index, address, prefix: subnet.prefix, isLinked: false })
  linkUp(batch, index)
  allowLargePieces(batch, index)
  for (const { subnet } of places) {
    const gateway = gatewayOf(subnet)
    setNeighbour(batch, index, gateway, BRIDGE_MAC)
    addRoute(batch, subnet, { index, gateway, metric })
    if (isWayOut) addDefaultRoute(batch, { index, gateway, metric })
  }
  return batch
}

function placesOf({ ip, ip6, subnet, subnet6 }: Attachment): { address: IpAddress; subnet: Subnet }[] {
  return [{ address: ip, subnet }, ...(ip6 && subnet6 ? [{ address: ip6, subnet: subnet6 }] : [])]
}

/** Of several ways out the first network's is taken. */
function metricOf(number: number): number {
  return 100 + number
}

/** Follows from the address, so that whoever remembers one knows the other: a fixed address may come back with another container. */
function macOf(ip: IpAddress): Uint8Array {
  return Uint8Array.of(0x02, 0x42, ...bytesOf(ip))
}

/** As people write it: of the interface with that address. */
export function macTextOf(ip: IpAddress): string {
  return [...macOf(ip)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}
