import { OWN_NETWORK, Plan } from '../rootless/protocol/plan.ts'
import { formatIp } from './addresses/ip-address.ts'
import type { IpAddress } from './addresses/ip-address.ts'
import type { NamePaths } from './names/name-server.ts'
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

/** Steps that listen for questions at the gateway, relay them to where this side answers, and go on for ever. */
export function planNames(plan: Plan, gateways: readonly IpAddress[], { udpPath, tcpPath }: NamePaths): Plan {
  for (const gateway of gateways) {
    for (const [protocol, path] of [
      ['udp', udpPath],
      ['tcp', tcpPath],
    ] as const) {
      const slot = plan.slot()
      plan.socket(slot, OWN_NETWORK, protocol, formatIp(gateway), DNS_PORT).gate(slot, path, 0)
    }
  }
  return plan.forward()
}

const DNS_PORT = 53
