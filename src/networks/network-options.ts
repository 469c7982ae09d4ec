import { AirplantError } from '../errors.ts'
import { checkOptions } from '../rootless/check-options.ts'
import type { OptionShape } from '../rootless/check-options.ts'
import { formatSubnet, indexIn, overlap, parseSubnet, sizeOf } from './addresses/subnet.ts'
import type { Subnet } from './addresses/subnet.ts'
import { parseIp } from '../rootless/ip-address.ts'
import type { IpAddress } from '../rootless/ip-address.ts'

/** What a network is made with. */
export interface NetworkOptions {
  /** Letters, digits, `_`, `.` and `-`. @default a random one */
  readonly name?: string
  /** IPv4 addresses, /8 to /29. @default a /24 that neither the host's routes nor another network of the session overlaps */
  readonly subnet?: string
  /** IPv6 addresses, at most /112. @default a random unique local /64, where this machine has IPv6 */
  readonly subnet6?: string
  /** No way out, for nobody: asking for `egress` on it is an error. @default false */
  readonly internal?: boolean
  readonly labels?: Readonly<Record<string, string>>
}

const shape: OptionShape<NetworkOptions> = {
  name: 'text',
  subnet: 'text',
  subnet6: 'text',
  internal: 'switch',
  labels: 'object',
}

/** Options, checked. */
export interface CheckedNetworkOptions {
  readonly name: string | undefined
  readonly subnet: Subnet | undefined
  readonly subnet6: Subnet | undefined
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
}

/** Words that mean a mode or another form, where a network's name could stand. */
const reserved = ['none', 'host', 'bridge', 'default', 'container', 'session']

/** @throws {AirplantError} `ERR_INVALID_OPTION` */
export function checkNetworkOptions(options: NetworkOptions): CheckedNetworkOptions {
  checkOptions('a network', options, shape)
  const { name, subnet, subnet6, internal = false, labels = {} } = options
  if (name !== undefined && reserved.includes(name)) {
    throw invalid(`Cannot name a network "${name}": that word has a meaning of its own`, 'Choose another name')
  }
  return {
    name: name === undefined ? undefined : checkName('a network', name),
    subnet: subnet === undefined ? undefined : checkSubnet(subnet, 4, 8, 29),
    subnet6: subnet6 === undefined ? undefined : checkSubnet(subnet6, 6, 8, 112),
    internal,
    labels: { ...labels },
  }
}

/**
 * A name of a network, a container or an alias, which becomes a file's name and a host's name.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function checkName(what: string, name: string): string {
  const given: unknown = name
  const fits = typeof given === 'string' && given.length <= 200 && /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(given)
  if (fits && name.split('.').every((label) => label.length > 0 && label.length <= 63)) return name
  const hint = 'Use letters, digits, "_", "." and "-", at most 63 between two "."'
  throw invalid(`Cannot name ${what} "${String(given)}": not such a name`, hint)
}

/**
 * A fixed address of a member.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_ADDRESS_UNAVAILABLE`
 */
export function checkFixedAddress(
  option: string,
  text: string,
  subnet: Subnet | undefined,
  network: string,
): IpAddress {
  const address = parseIp(text)
  const family = option === 'ip6' ? 6 : 4
  if (address?.family !== family) {
    throw invalid(`Cannot use "${text}" as ${option}: not an IPv${family} address`, 'Write it without a prefix length')
  }
  const index = subnet && indexIn(subnet, address)
  if (subnet && index !== undefined && index >= FIRST_MEMBER && index < sizeOf(subnet) - 1n) return address
  throw new AirplantError({
    code: 'ERR_ADDRESS_UNAVAILABLE',
    phase: 'create',
    message: `Cannot give the address ${text} in network "${network}": it is not one of those for containers`,
    hint: subnet
      ? `Choose one of its subnet; the first ${FIRST_MEMBER} addresses and the last are not for containers`
      : `The network has no IPv${family} addresses`,
  })
}

/** Number of the first address for containers: before come the network's own and the gateway's. */
export const FIRST_MEMBER = 2n

/**
 * Loopback, unspecified, groups and one link's; what every container's own loopback has (loopback.ts), and what slirp4netns calls its side
 * of IPv6.
 */
const special = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '172.30.0.0/30',
  '224.0.0.0/3',
  '::/8',
  'fe80::/10',
  'ff00::/8',
  'fd00::/64',
]
  .map(parseSubnet)
  .filter((subnet) => subnet !== undefined)

function checkSubnet(text: string, family: 4 | 6, shortest: number, longest: number): Subnet {
  const subnet = parseSubnet(text)
  const taken = subnet && special.find((each) => overlap(each, subnet))
  if (taken) {
    const hint = 'Choose one of the private ones, as in 10.0.0.0/8, 192.168.0.0/16 or fd00::/8'
    throw invalid(`Cannot use the subnet ${text}: ${formatSubnet(taken)} has a meaning of its own`, hint)
  }
  if (subnet?.family === family && subnet.prefix >= shortest && subnet.prefix <= longest) return subnet
  const example = family === 4 ? '10.90.0.0/24' : 'fd00:1:2:3::/64'
  throw invalid(
    `Cannot use "${text}" as ${family === 4 ? 'subnet' : 'subnet6'}: not an IPv${family} subnet of /${shortest} to /${longest}`,
    `Write it as "${example}", with nothing set beyond the prefix`,
  )
}

function invalid(message: string, hint: string): AirplantError {
  return new AirplantError({ code: 'ERR_INVALID_OPTION', phase: 'create', message, hint })
}
