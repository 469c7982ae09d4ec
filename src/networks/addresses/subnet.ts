import { bitsOf, formatIp, parseIp } from '../../rootless/ip-address.ts'
import type { IpAddress } from '../../rootless/ip-address.ts'

/** A range of addresses with a common beginning. */
export interface Subnet {
  readonly family: 4 | 6
  /** The first address. */
  readonly base: bigint
  /** Bits of the common beginning. */
  readonly prefix: number
}

/**
 * Reads `address/prefix`; undefined when it is malformed, or the address has bits beyond the prefix.
 *
 * @example
 * parseSubnet('10.89.0.0/24')
 */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = '', bits = '', ...rest] = text.split('/')
  const ip = parseIp(address)
  if (!ip || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined
  const prefix = Number(bits)
  if (prefix > bitsOf(ip.family)) return undefined
  const subnet = { family: ip.family, base: ip.value, prefix }
  return ip.value % sizeOf(subnet) === 0n ? subnet : undefined
}

/** `address/prefix`. */
export function formatSubnet({ family, base, prefix }: Subnet): string {
  return `${formatIp({ family, value: base })}/${prefix}`
}

/** How many addresses it has. */
export function sizeOf({ family, prefix }: Pick<Subnet, 'family' | 'prefix'>): bigint {
  return 1n << BigInt(bitsOf(family) - prefix)
}

/** The address with a number in it, the base being 0. */
export function nth(subnet: Subnet, index: number | bigint): IpAddress {
  return { family: subnet.family, value: subnet.base + BigInt(index) }
}

/** The number of an address in it; undefined when it lies outside. */
export function indexIn(subnet: Subnet, { family, value }: IpAddress): bigint | undefined {
  const index = value - subnet.base
  return family === subnet.family && index >= 0n && index < sizeOf(subnet) ? index : undefined
}

/** The address with the same number in another subnet: of an automatic IPv6 address and its IPv4 one each is the other's. */
export function counterpart(address: IpAddress, from: Subnet, to: Subnet): IpAddress | undefined {
  const number = indexIn(from, address)
  return number !== undefined && number < sizeOf(to) ? nth(to, number) : undefined
}

/** Whether two subnets share an address. */
export function overlap(one: Subnet, other: Subnet): boolean {
  if (one.family !== other.family) return false
  return one.base < other.base + sizeOf(other) && other.base < one.base + sizeOf(one)
}
