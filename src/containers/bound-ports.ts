import { isIP } from 'node:net'
import type { PublishedPort } from './ports.ts'

/**
 * Published ports as the keeper lists them: `PROTOCOL ADDRESS HOST CONTAINER`, with `;` between. What is malformed is left out.
 *
 * @example
 * parseBoundPorts('tcp 127.0.0.1 40123 80') // [{ protocol: 'tcp', address: '127.0.0.1', host: 40123, container: 80 }]
 */
export function parseBoundPorts(text: string): PublishedPort[] {
  return text.split(';').flatMap((group) => {
    const [protocol, address = '', host, container, ...more] = group.trim().split(' ')
    if ((protocol !== 'tcp' && protocol !== 'udp') || isIP(address) === 0 || more.length > 0) return []
    if (!isPort(host) || !isPort(container)) return []
    return [{ protocol, address, host: Number(host), container: Number(container) }]
  })
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}
