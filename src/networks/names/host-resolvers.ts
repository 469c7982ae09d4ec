import { isIP } from 'node:net'

/** resolv.conf(5): MAXNS. */
const MOST_RESOLVERS = 3

/** resolv.conf(5): ndots is silently capped to 15. */
const MOST_DOTS = 15

/** What a machine's resolv.conf says. */
export interface HostResolvers {
  /** IPv4 and IPv6 literals in the order in which they are asked, IPv6 ones with their scope (`fe80::1%eth0`). At least one. */
  readonly resolvers: readonly string[]
  /** Domains that are tried behind a name. */
  readonly search: readonly string[]
  /** Dots that make a name be tried as it is first. Default 1. */
  readonly ndots: number
}

/**
 * Reads the text of /etc/resolv.conf as resolv.conf(5) says: at most three servers, and the machine itself where none is named; of
 * several `search` and `domain` lines the last one counts. Servers that are no address are passed over.
 *
 * @param text empty for a file that is missing
 * @example
 * readHostResolvers('nameserver 192.0.2.1\nsearch example.org\n')
 * // { resolvers: ['192.0.2.1'], search: ['example.org'], ndots: 1 }
 */
export function readHostResolvers(text: string): HostResolvers {
  const lines = text.split('\n').map(readLine)
  const valuesOf = (keyword: string): string[][] =>
    lines.filter(([key]) => key === keyword).map(([, ...values]) => values)
  const servers = valuesOf('nameserver').flatMap(([address = '']) => (isIP(address) ? [address] : []))
  return {
    resolvers: servers.length > 0 ? servers.slice(0, MOST_RESOLVERS) : ['127.0.0.1'],
    search: lastSearch(lines),
    ndots: valuesOf('options').flat().reduce(dotsOf, 1),
  }
}

/** The keyword stands at the very start of its line, so a comment or an indented line has an empty one. */
function readLine(line: string): string[] {
  return line.trimEnd().split(/[ \t]+/)
}

function lastSearch(lines: readonly string[][]): string[] {
  const last = lines.findLast(([key]) => key === 'search' || key === 'domain')
  if (!last) return []
  const [key, ...domains] = last
  return key === 'domain' ? domains.slice(0, 1) : domains
}

function dotsOf(before: number, option: string): number {
  const [, digits] = /^ndots:(\d+)$/.exec(option) ?? []
  return digits === undefined ? before : Math.min(Number(digits), MOST_DOTS)
}
