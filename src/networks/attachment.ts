import type { Plan } from '../rootless/protocol/plan.ts'
import type { IpAddress } from './addresses/ip-address.ts'
import { bytesOf } from './addresses/ip-address.ts'
import type { Subnet } from './addresses/subnet.ts'
import { BRIDGE, interfaceIndex, MTU, newPortIndex } from './link-numbers.ts'
import { addVeth, allowLargePieces, linkUp, settleLink } from './netlink/links.ts'
import { NetlinkBatch } from './netlink/netlink-batch.ts'
import { addAddress, addDefaultRoute } from './netlink/routes.ts'

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
  /** Where packets for other machines go; undefined: nowhere. */
  readonly gateway: IpAddress | undefined
  readonly gateway6: IpAddress | undefined
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

function makePair({ number, ip }: Attachment, port: number, own: number): NetlinkBatch {
  const batch = new NetlinkBatch()
  const peer = { index: interfaceIndex(number), name: `eth${number}`, mac: macOf(ip), namespace: own }
  addVeth(batch, { index: port, bridge: BRIDGE, mtu: MTU, peer })
  allowLargePieces(batch, port)
  return batch
}

// With the address first, the kernel tells the neighbours of it when the interface comes up.
function configure(attachment: Attachment): NetlinkBatch {
  const { number, ip, ip6, subnet, subnet6, gateway, gateway6 } = attachment
  const index = interfaceIndex(number)
  const batch = new NetlinkBatch()
  addAddress(batch, { index, address: ip, prefix: subnet.prefix })
  if (ip6 && subnet6) addAddress(batch, { index, address: ip6, prefix: subnet6.prefix })
  linkUp(batch, index)
  allowLargePieces(batch, index)
  if (gateway) addDefaultRoute(batch, index, gateway, metricOf(number))
  if (gateway6) addDefaultRoute(batch, index, gateway6, metricOf(number))
  return batch
}

/** Of several ways out the first network's is taken. */
export function metricOf(number: number): number {
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
