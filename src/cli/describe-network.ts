import { parseIp } from '../rootless/ip-address.ts'
import { macTextOf } from '../networks/attachment.ts'
import type { NetworkMember } from '../networks/network.ts'
import type { KnownNetwork } from './known-networks.ts'

/** What `airplant network inspect` prints, in docker's names. */
export function describeNetwork(network: KnownNetwork, members: readonly NetworkMember[]): Record<string, unknown> {
  const { id, name, driver, internal, labels, created, subnets } = network
  const hasIpv6 = subnets.some(({ subnet }) => subnet.includes(':'))
  return {
    ...{ Name: name, Id: id, Created: created, Scope: 'local', Driver: driver, EnableIPv4: true, EnableIPv6: hasIpv6 },
    IPAM: {
      ...{ Driver: 'default', Options: {} },
      Config: subnets.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
    },
    ...{ Internal: internal, Attachable: true, Ingress: false, ConfigFrom: { Network: '' }, ConfigOnly: false },
    Containers: Object.fromEntries(members.map((member) => [member.container, describeMember(member, subnets)])),
    ...{ Options: {}, Labels: labels },
  }
}

function describeMember(
  { name = '', ip, ip6, aliases }: NetworkMember,
  subnets: KnownNetwork['subnets'],
): Record<string, unknown> {
  const prefixOf = (isIpv6: boolean): string => {
    const prefix = subnets.find(({ subnet }) => subnet.includes(':') === isIpv6)?.subnet.split('/')[1]
    return prefix === undefined ? '' : `/${prefix}`
  }
  const address = parseIp(ip)
  return {
    ...{ Name: name, MacAddress: address ? macTextOf(address) : '', IPv4Address: `${ip}${prefixOf(false)}` },
    ...{ IPv6Address: ip6 === undefined ? '' : `${ip6}${prefixOf(true)}`, Aliases: aliases },
  }
}
