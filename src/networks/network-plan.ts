import { OWN_NETWORK, Plan } from '../rootless/protocol/plan.ts'
import { formatIp } from '../rootless/ip-address.ts'
import type { IpAddress } from '../rootless/ip-address.ts'
import type { NamePaths } from './names/name-server.ts'
import { nth } from './addresses/subnet.ts'
import type { Subnet } from './addresses/subnet.ts'
import { BRIDGE, BRIDGE_MAC, MTU } from './link-numbers.ts'
import { addBridge, allowLargePieces } from './netlink/links.ts'
import { NetlinkBatch } from './netlink/netlink-batch.ts'
import { addAddress } from './netlink/routes.ts'

/** The bridge's address: where members ask for names. */
export function gatewayOf(subnet: Subnet): IpAddress {
  return nth(subnet, 1)
}

/**
 * Steps that make a network of the namespace that the process is in: a bridge with the gateway's addresses. What members send each other
 * goes by way of the gateway, whose hardware address everybody knows, as it knows theirs: the kernel has room for 1024 addresses that
 * were asked for, in all namespaces of the machine together, so that 50 members could not all know each other (neighbour table overflow).
 */
export function planNetwork(subnet: Subnet, subnet6: Subnet | undefined): Plan {
  const batch = new NetlinkBatch()
  addBridge(batch, { index: BRIDGE, name: 'br0', mac: BRIDGE_MAC, mtu: MTU })
  allowLargePieces(batch, BRIDGE)
  addAddress(batch, { index: BRIDGE, address: gatewayOf(subnet), prefix: subnet.prefix })
  if (subnet6) addAddress(batch, { index: BRIDGE, address: gatewayOf(subnet6), prefix: subnet6.prefix })
  const plan = batch.addTo(new Plan()).sysctl('net/ipv4/ip_forward', '1')
  if (subnet6) plan.sysctl('net/ipv6/conf/all/forwarding', '1')
  return plan.offerNetwork()
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
