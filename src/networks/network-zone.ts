import { existsSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import { holderOf } from './addresses/claim-address.ts'
import { formatIp, parseIp } from '../rootless/ip-address.ts'
import { counterpart, indexIn } from './addresses/subnet.ts'
import type { NameView } from './names/name-zone.ts'
import type { Network } from './network.ts'

/**
 * The names of all its networks, for the container that asks from that address of that network.
 *
 * @param all the session's networks
 * @param client as inet_ntop(3) writes it
 */
export function viewOf(client: string, network: Network, all: () => readonly Network[]): NameView {
  const container = containerAt(client, network)
  // Over IPv6 anybody may send under a neighbour's address (IPV6_FREEBIND), and so let it ask outside for what is to be told there.
  const isOutward = container !== undefined && isIPv4(client) && existsSync(join(network.paths.outward, container))
  const own = (): readonly Network[] => [
    network,
    ...all().filter((other) => other.id !== network.id && container !== undefined && other.members.has(container)),
  ]
  return {
    isOutward,
    zone: {
      addressesOf: (name) => firstOf(own(), (each) => addressesIn(each, name)),
      nameOf: (address) => firstOf(own(), (each) => nameIn(each, address)),
      isOwn: (address) => own().some((each) => isIn(each, address)),
    },
  }
}

/** The container with an address; an automatic IPv6 one has the number of the IPv4 one. */
function containerAt(address: string, network: Network): string | undefined {
  const path = (text: string): string => join(network.paths.addresses, text)
  const ip = parseIp(address)
  const { subnet, subnet6 } = network.subnets
  const twin = ip && subnet6 && counterpart(ip, subnet6, subnet)
  return holderOf(path(address))?.container ?? (twin && holderOf(path(formatIp(twin)))?.container)
}

function addressesIn(network: Network, name: string): readonly string[] | undefined {
  const named = network.members.named().filter((member) => {
    return [member.name, ...member.aliases].some((each) => each?.toLowerCase() === name)
  })
  if (named.length > 0) return named.flatMap(({ ip, ip6 }) => [ip, ...(ip6 === undefined ? [] : [ip6])])
  if (!/^[0-9a-f]{12}$/.test(name)) return undefined
  const found = network.containers().find(({ container }) => container === name)
  return found && [found.ip, ...(found.ip6 === undefined ? [] : [found.ip6])]
}

function nameIn(network: Network, address: string): string | undefined {
  const container = containerAt(address, network)
  const named = network.members.named().find((member) => member.container === container)
  return named?.name ?? named?.aliases[0] ?? container
}

function isIn({ subnets: { subnet, subnet6 } }: Network, address: string): boolean {
  const ip = parseIp(address)
  return ip !== undefined && [subnet, subnet6].some((each) => each && indexIn(each, ip) !== undefined)
}

function firstOf<T>(networks: readonly Network[], find: (network: Network) => T | undefined): T | undefined {
  for (const network of networks) {
    const found = find(network)
    if (found !== undefined) return found
  }
  return undefined
}
