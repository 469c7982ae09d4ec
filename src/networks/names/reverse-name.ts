import { isIPv4, SocketAddress } from 'node:net'

/** The eight groups of four hexadecimal digits of an IPv6 address, or the numbers of an IPv4 one, last first. */
const V4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/
const V6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/

/**
 * The address that a name for reverse look-ups stands for (RFC 1035, 3.5; RFC 3596, 2.5).
 *
 * @param name in lower case, without a final dot
 * @returns as inet_ntop(3) writes it; undefined when the name is another, or that of a part of an address only
 * @example
 * addressOfReverse('2.0.30.172.in-addr.arpa') // '172.30.0.2'
 */
export function addressOfReverse(name: string): string | undefined {
  const v4 = V4.exec(name)?.[1]
  if (v4 !== undefined) {
    const address = partsBackwards(v4).join('.')
    return isIPv4(address) ? address : undefined
  }
  const v6 = V6.exec(name)?.[1]
  if (v6 === undefined) return undefined
  const groups = partsBackwards(v6).join('').match(/.{4}/g)!
  return new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address
}

function partsBackwards(text: string): string[] {
  return text.slice(0, -1).split('.').reverse()
}
