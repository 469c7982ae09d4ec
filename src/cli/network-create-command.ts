import { formatIp } from '../rootless/ip-address.ts'
import { parseSubnet } from '../networks/addresses/subnet.ts'
import { defineNetwork } from '../networks/definitions/define-network.ts'
import { gatewayOf } from '../networks/network-plan.ts'
import type { NetworkOptions } from '../networks/network-options.ts'
import type { Command } from './command.ts'
import type { CommandLine } from './command-line.ts'
import { withDefinitions } from './network-session.ts'
import type { Flag } from './parse-flags.ts'
import { printText } from './print-text.ts'
import { usageError } from './usage-error.ts'

const flags: readonly Flag[] = [
  { name: 'subnet', value: 'ADDRESS/PREFIX', help: 'IPv4 or IPv6 addresses, one of each; free ones if not given' },
  {
    name: 'gateway',
    value: 'ADDRESS',
    help: 'Accepted where it is the first address of the subnet: it always is that',
  },
  { name: 'internal', help: 'No way out' },
  { name: 'label', value: 'NAME[=VALUE]', help: 'Label; repeatable' },
  { name: 'ipv6', help: 'Accepted: there are IPv6 addresses where this machine has IPv6' },
  { name: 'ipv4', help: 'Accepted: there always are' },
  { name: 'driver', short: 'd', value: 'bridge', help: 'Accepted: "bridge" is the only one' },
  { name: 'attachable', help: 'Accepted: all networks are' },
  { name: 'scope', value: 'local', help: 'Accepted: "local" is the only one' },
  { name: 'ipam-driver', value: 'default', help: 'Accepted: "default" is the only one' },
  refused('ip-range', 'ADDRESS/PREFIX', 'containers get addresses of the whole subnet', 'Give a smaller --subnet'),
  refused('aux-address', 'NAME=ADDRESS', 'no address is kept free', 'Fix those of containers with run --ip'),
  { ...refused('opt', 'OPTION', 'bridges have no settings here', 'Leave it out'), short: 'o' },
  refused('ipam-opt', 'OPTION', 'there is one way to give addresses', 'Leave it out'),
  refused('ingress', undefined, 'there is no swarm', 'Leave it out'),
  refused('config-only', undefined, 'there is no swarm', 'Leave it out'),
  refused('config-from', 'NETWORK', 'there is no swarm', 'Leave it out'),
]

/** `airplant network create`. */
export const networkCreateCommand: Command = {
  name: 'network create',
  usage: '[FLAGS] NETWORK',
  about: `Makes a network and prints its ID. It is a definition: it comes to life with the first "airplant run --network NETWORK", and all
containers on it reach each other by name, whatever terminal they were started in.`,
  flags,
  words: [1, 1],
  examples: ['airplant network create web', 'airplant run --network web --name db postgres:17'],
  async run(line) {
    const [name = ''] = line.words
    const options = { name, ...createOptions(line) }
    const { id } = await withDefinitions((definitions, session) => defineNetwork(session, definitions, options))
    await printText(`${id}\n`)
    return 0
  },
}

/**
 * The flags as options.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` for what cannot be had
 */
export function createOptions(line: CommandLine): Omit<NetworkOptions, 'name'> {
  for (const [flag, only] of [
    ['driver', 'bridge'],
    ['scope', 'local'],
    ['ipam-driver', 'default'],
  ] as const) {
    const value = line.value(flag) ?? only
    if (value !== only) throw usageError(`Cannot use --${flag} ${value}`, `The only one is "${only}"`)
  }
  for (const family of ['ipv4', 'ipv6']) {
    if (line.values(family).at(-1) !== 'false') continue
    throw usageError(`Cannot use --${family}=false: networks have both where this machine has both`, 'Leave it out')
  }
  const [subnet, subnet6] = subnetsOf(line.values('subnet'))
  for (const gateway of line.values('gateway')) checkGateway(gateway, [subnet, subnet6])
  const labels = line.values('label').map((text) => {
    const [label = '', value = ''] = text.split(/=(.*)/s, 2)
    return [label, value] as const
  })
  return {
    ...(subnet !== undefined && { subnet }),
    ...(subnet6 !== undefined && { subnet6 }),
    ...{ internal: line.isOn('internal'), labels: Object.fromEntries(labels) },
  }
}

function subnetsOf(texts: readonly string[]): [string | undefined, string | undefined] {
  const [v4, v6] = [texts.filter((text) => !text.includes(':')), texts.filter((text) => text.includes(':'))]
  if (v4.length <= 1 && v6.length <= 1) return [v4[0], v6[0]]
  throw usageError('Cannot use several subnets of one family', 'Give one for IPv4 and one for IPv6')
}

function checkGateway(gateway: string, subnets: readonly (string | undefined)[]): void {
  const firsts = subnets.flatMap((text) => {
    const subnet = text === undefined ? undefined : parseSubnet(text)
    return subnet ? [formatIp(gatewayOf(subnet))] : []
  })
  if (firsts.includes(gateway)) return
  const hint =
    firsts.length > 0
      ? `Write --gateway ${firsts.join(' or ')}, or leave it out`
      : 'Give its --subnet, too, or leave it out'
  throw usageError(`Cannot use --gateway ${gateway}: it is always the first address of a subnet`, hint)
}

function refused(name: string, value: string | undefined, why: string, instead: string): Flag {
  return { name, ...(value === undefined ? {} : { value }), refused: { why, instead } }
}
