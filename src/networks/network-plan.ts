import { Plan } from '../rootless/protocol/plan.ts'
import type { IpAddress } from './addresses/ip-address.ts'
import { nth } from './addresses/subnet.ts'
import type { Subnet } from './addresses/subnet.ts'
import { BRIDGE, MTU } from './link-numbers.ts'
import { addBridge } from './netlink/links.ts'
import { NetlinkBatch } from './netlink/netlink-batch.ts'
import { addAddress } from './netlink/routes.ts'

/** The bridge's address: where members ask for names. */
export function gatewayOf(subnet: Subnet): IpAddress {
  return nth(subnet, 1)
}

/** Steps that make a network of the namespace that the process is in: a bridge with the gateway's addresses. */
export function planNetwork(subnet: Subnet, subnet6: Subnet | undefined): Plan {
  const batch = new NetlinkBatch()
  addBridge(batch, { index: BRIDGE, name: 'br0', mac: Uint8Array.of(0x02, 0x42, 0, 0, 0, 1), mtu: MTU })
  addAddress(batch, { index: BRIDGE, address: gatewayOf(subnet), prefix: subnet.prefix })
  if (subnet6) addAddress(batch, { index: BRIDGE, address: gatewayOf(subnet6), prefix: subnet6.prefix })
  return batch.addTo(new Plan()).offerNetwork()
}
