import { parseBoundPorts } from '../containers/bound-ports.ts'
import { formatIp } from '../rootless/ip-address.ts'
import { macTextOf } from '../networks/attachment.ts'
import type { Membership, Network } from '../networks/network.ts'
import { SESSION_NETWORK } from '../networks/session-network-name.ts'

/**
 * The part of a container's description that is about networks, in docker's names.
 *
 * @param ports as the keeper lists them
 * @param places in the order of its interfaces
 */
export function describeNetworkSettings(ports: string, places: readonly Membership[]): Record<string, unknown> {
  const networks = Object.fromEntries(places.map((place) => [shownName(place.network), describePlace(place)]))
  const { IPAddress = '', MacAddress = '', Gateway = '' } = Object.values(networks)[0] ?? {}
  return { Ports: describePorts(ports), IPAddress, MacAddress, Gateway, Networks: networks }
}

/** As "network ls" has it: a session's own network is what docker calls bridge. */
export function shownName({ name }: Pick<Network, 'name'>): string {
  return name === SESSION_NETWORK ? 'bridge' : name
}

type HostPort = Readonly<{ HostIp: string; HostPort: string }>

function describePorts(text: string): Record<string, readonly HostPort[]> {
  const byPort: Record<string, HostPort[]> = {}
  for (const { container, protocol, address, host } of parseBoundPorts(text)) {
    const bound = (byPort[`${container}/${protocol}`] ??= [])
    bound.push({ HostIp: address, HostPort: String(host) })
  }
  return byPort
}

function describePlace({ network, ip, ip6, aliases }: Membership): Record<string, unknown> {
  const prefix = (subnet: string | undefined): number => Number(subnet?.split('/')[1] ?? 0)
  return {
    ...{ NetworkID: network.id, Aliases: aliases, MacAddress: macTextOf(ip) },
    ...{ IPAddress: formatIp(ip), IPPrefixLen: prefix(network.subnet), Gateway: network.gateway },
    ...{ GlobalIPv6Address: ip6 ? formatIp(ip6) : '', GlobalIPv6PrefixLen: ip6 ? prefix(network.subnet6) : 0 },
    IPv6Gateway: network.gateway6 ?? '',
  }
}
