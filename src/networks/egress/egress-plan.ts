import { existsSync } from 'node:fs'
import { Plan } from '../../rootless/protocol/plan.ts'
import { bytesOf, parseIp } from '../../rootless/ip-address.ts'
import { nth } from '../addresses/subnet.ts'
import type { Subnet } from '../addresses/subnet.ts'
import { BRIDGE, MTU } from '../link-numbers.ts'
import { setUp } from '../netlink/links.ts'
import { NetlinkBatch } from '../netlink/netlink-batch.ts'
import { addAddress, addDefaultRoute } from '../netlink/routes.ts'
import { destinationBegins, interfaceIs, isEstablished, masquerade, TableBatch, verdict } from './nf-tables.ts'

/** The interface that slirp4netns or pasta serves. */
export const TAP = { name: 'tap0', index: 101 } as const

/** What slirp4netns uses for IPv6, and cannot be told otherwise. */
export const SLIRP6: Subnet = { family: 6, base: 0xfd00n << 112n, prefix: 64 }
/** The next hop for IPv6, of both programs. */
export const SLIRP6_ROUTER = 'fe80::2'

/** Number of the only address that the program serves, in its subnet: what slirp4netns expects. */
export const GUEST = 100

/** What this machine's kernel has. */
export interface KernelParts {
  readonly hasIpv6: boolean
  /** br_netfilter, which lets the rules see what siblings send each other, and keeps a record of it; Docker's hosts have it. */
  readonly hasBridgeFilter: boolean
}

/** Looks at it. */
export function findKernelParts(): KernelParts {
  return { hasIpv6: existsSync('/proc/net/if_inet6'), hasBridgeFilter: existsSync('/proc/sys/net/bridge') }
}

/**
 * Steps that open a way out of a network: its namespace passes packets on to a tap, too, under one address. What containers send reaches the
 * program that serves the tap only through the kernel's own forwarding and these rules, which no container can change: a packet that is
 * addressed to a loopback address would be delivered to the host's own loopback by slirp4netns, whatever its options say.
 *
 * @param tap the program's subnet
 */
export function planEgress(network: number, tap: Subnet, { hasIpv6, hasBridgeFilter }: KernelParts): Plan {
  const plan = new Plan()
  const slot = plan.slot()
  plan.networkOf(slot, network).joinNetwork(slot)
  if (hasBridgeFilter) {
    for (const family of ['ip', 'ip6']) plan.sysctl(`net/bridge/bridge-nf-call-${family}tables`, '0')
  }
  // Before the tap is up: what must not pass never does. Where one of them is missing, both can be tried again.
  plan.tap(TAP.name, TAP.index).netfilter(rules(tap))
  if (hasIpv6)
    plan.sysctl(`net/ipv6/conf/${TAP.name}/accept_ra`, '0').sysctl(`net/ipv6/conf/${TAP.name}/accept_dad`, '0')
  const batch = new NetlinkBatch()
  setUp(batch, TAP.index, MTU)
  addAddress(batch, { index: TAP.index, address: nth(tap, GUEST), prefix: tap.prefix })
  addDefaultRoute(batch, { index: TAP.index, gateway: nth(tap, 2), metric: 100 })
  if (hasIpv6) {
    addAddress(batch, { index: TAP.index, address: nth(SLIRP6, GUEST), prefix: SLIRP6.prefix })
    addDefaultRoute(batch, { index: TAP.index, gateway: parseIp(SLIRP6_ROUTER)!, metric: 100 })
  }
  return batch.addTo(plan)
}

/**
 * Who answers may answer; new connections go from member to member, and from them to the tap. IPv4's loopback and zero network are dropped by the kernel
 * (RFC 1812, 5.3.7); of IPv6 it passes on ::, and loopback in the guise of IPv4. The program's own subnet is nobody's business.
 */
function rules(tap: Subnet): Buffer {
  const zeros = new Uint8Array(12)
  const mapped = Uint8Array.of(...zeros.subarray(2), 0xff, 0xff)
  const forward = { name: 'forward', type: 'filter', hook: 2, priority: 0, policy: 'drop' } as const
  const leave = { name: 'leave', type: 'nat', hook: 4, priority: 100, policy: 'accept' } as const
  const drop = verdict('drop')
  return new TableBatch('airplant')
    .chain(forward)
    .chain(leave)
    .rule('forward', ...isEstablished(), verdict('accept'))
    .rule('forward', ...interfaceIs('in', BRIDGE), ...interfaceIs('out', BRIDGE), verdict('accept'))
    .rule('forward', ...destinationBegins(4, bytesOf(nth(tap, 0)).subarray(0, tap.prefix / 8)), drop)
    .rule('forward', ...destinationBegins(4, Uint8Array.of(127)), drop)
    .rule('forward', ...destinationBegins(4, Uint8Array.of(0)), drop)
    .rule('forward', ...destinationBegins(6, zeros), drop)
    .rule('forward', ...destinationBegins(6, mapped), drop)
    .rule('forward', ...destinationBegins(6, bytesOf(nth(SLIRP6, 0)).subarray(0, 8)), drop)
    .rule('forward', ...interfaceIs('in', BRIDGE), ...interfaceIs('out', TAP.index), verdict('accept'))
    .rule('leave', ...interfaceIs('out', TAP.index), masquerade)
    .encode()
}
