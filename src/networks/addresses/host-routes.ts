import { readFileSync } from 'node:fs'
import type { Subnet } from './subnet.ts'

/** Where the host's packets go: what our networks must not hide from containers that reach the outside. */
export interface HostRoute {
  readonly subnet: Subnet
  readonly device: string
}

/** The routes of the namespace that this process is in, but for the default ones. */
export function readHostRoutes(): HostRoute[] {
  return [...parseRoutes(read('/proc/net/route')), ...parseRoutes6(read('/proc/net/ipv6_route'))]
}

/** Reads /proc/net/route: addresses are hexadecimal words in this machine's byte order. */
export function parseRoutes(table: string): HostRoute[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter((fields) => fields.length >= 8)
    .map(([device = '', destination = '', , , , , , mask = '']) => {
      const prefix = [...reversed(mask).toString(2)].filter((bit) => bit === '1').length
      return { subnet: { family: 4 as const, base: reversed(destination), prefix }, device }
    })
    .filter(({ subnet }) => subnet.prefix > 0)
}

/** Reads /proc/net/ipv6_route. Of addresses of one link and of groups every namespace has its own. */
export function parseRoutes6(table: string): HostRoute[] {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length === 10 && fields[9] !== 'lo')
    .map(([destination = '', prefix = '', ...rest]) => {
      const base = BigInt(`0x${destination}`)
      return { subnet: { family: 6 as const, base, prefix: parseInt(prefix, 16) }, device: rest[7] ?? '' }
    })
    .filter(({ subnet: { base, prefix } }) => prefix > 0 && base >> 118n !== 0x3fan && base >> 120n !== 0xffn)
}

function reversed(word: string): bigint {
  const bytes = word.match(/../g) ?? []
  return BigInt(`0x${bytes.reverse().join('') || '0'}`)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Without the protocol there are no routes of it.
    return ''
  }
}
