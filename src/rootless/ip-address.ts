import { isIP } from 'node:net'

/** An IP address as a number, with its family. */
export interface IpAddress {
  readonly family: 4 | 6
  readonly value: bigint
}

/** Bits of an address of a family. */
export function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128
}

/**
 * Reads an address as people write it; undefined when it is none, or has a zone.
 *
 * @example
 * parseIp('10.89.0.5') // { family: 4, value: 173604869n }
 */
export function parseIp(text: string): IpAddress | undefined {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) return undefined
  if (family === 4) return { family, value: fromBytes(text.split('.').map(Number)) }
  const [head = '', tail] = hexGroups(text).split('::')
  const before = head.split(':').filter(Boolean)
  const after = tail?.split(':').filter(Boolean) ?? []
  const middle = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const groups = [...before, ...middle, ...after].map((group) => BigInt(parseInt(group, 16)))
  return { family: 6, value: groups.reduce((sum, group) => (sum << 16n) | group, 0n) }
}

/** The usual text of an address; IPv6 with its longest run of zeros left out (RFC 5952). */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return bytesOf({ family, value }).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16))
  const runs = [...groups.join(':').matchAll(/(?<![^:])0(:0)+(?![^:])/g)].map(([run]) => run)
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  if (longest === '') return groups.join(':')
  const text = groups.join(':')
  const at = text.search(new RegExp(`(?<![^:])${longest}(?![^:])`))
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + longest.length).replace(/^:/, '')}`
}

/** The address as the kernel takes it: 4 or 16 bytes, highest first. */
export function bytesOf({ family, value }: IpAddress): Uint8Array {
  const count = bitsOf(family) / 8
  return Uint8Array.from({ length: count }, (_, index) => Number((value >> BigInt(8 * (count - 1 - index))) & 0xffn))
}

function fromBytes(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

// "::ffff:127.0.0.1" ends in an IPv4 address, which stands for two groups.
function hexGroups(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
}
