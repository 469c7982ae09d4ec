import { randomBytes } from 'node:crypto'
import { AirplantError } from '../../errors.ts'
import type { HostRoute } from './host-routes.ts'
import { formatSubnet, overlap, parseSubnet } from './subnet.ts'
import type { Subnet } from './subnet.ts'

/** A network of the session that has its addresses. */
export interface TakenSubnet {
  readonly name: string
  readonly subnet: Subnet
}

// 10.89.0.0 to 10.89.255.0 as podman, then a part of what docker uses, then the last that hardly anybody does.
const pools = ['10.89.0.0/16', '172.28.0.0/16', '192.168.128.0/17', '10.201.0.0/16', '198.18.0.0/16']

/**
 * The first /24 that is nobody's.
 *
 * @throws {AirplantError} `ERR_SUBNET_CLASH` when there is none
 */
export function chooseSubnet(routes: readonly HostRoute[], taken: readonly TakenSubnet[]): Subnet {
  const used = [...routes, ...taken].map(({ subnet }) => subnet)
  for (const text of pools) {
    const pool = parseSubnet(text)!
    for (let base = pool.base; base < pool.base + (1n << BigInt(32 - pool.prefix)); base += 256n) {
      const candidate: Subnet = { family: 4, base, prefix: 24 }
      if (!used.some((subnet) => overlap(subnet, candidate))) return candidate
    }
  }
  throw new AirplantError({
    code: 'ERR_SUBNET_CLASH',
    phase: 'create',
    message: "Cannot make a network: the host's routes and other networks leave no addresses",
    hint: `Remove networks, or give a subnet outside of ${used.slice(0, 8).map(formatSubnet).join(', ')}`,
  })
}

/** A /64 of unique local addresses (RFC 4193) that nobody else will have. */
export function chooseSubnet6(): Subnet {
  const random = BigInt(`0x${randomBytes(7).toString('hex')}`)
  return { family: 6, base: ((0xfdn << 56n) | random) << 64n, prefix: 64 }
}

/**
 * Refuses a subnet that somebody has. Containers could not reach that part of the host's network any more, or not tell two networks apart.
 *
 * @throws {AirplantError} `ERR_SUBNET_CLASH`
 */
export function checkFree(wanted: Subnet, routes: readonly HostRoute[], taken: readonly TakenSubnet[]): void {
  const network = taken.find(({ subnet }) => overlap(subnet, wanted))
  const route = routes.find(({ subnet }) => overlap(subnet, wanted))
  if (!network && !route) return
  const other = network ? `that of network "${network.name}"` : `the host's route to ${route!.device}`
  const subnet = network?.subnet ?? route!.subnet
  throw new AirplantError({
    code: 'ERR_SUBNET_CLASH',
    phase: 'create',
    message: `Cannot use the subnet ${formatSubnet(wanted)}: ${other} has ${formatSubnet(subnet)}`,
    hint: 'Give another subnet, or none: a free one is chosen then',
  })
}
