import { isIP } from 'node:net'
import type { PortRequest } from '../rootless/client/spawn-request.ts'
import { checkOptions } from '../rootless/check-options.ts'
import { portShape } from './option-shapes.ts'
import { invalidOption, parsePort } from './option-parsers.ts'
import type { ContainerOptions } from './options.ts'

/**
 * The listening sockets for the published ports. Without an address there are two per port, on 127.0.0.1 and on ::1 with the same
 * number: Node resolves `localhost` to ::1 first.
 */
export function requestPorts(options: NonNullable<ContainerOptions['ports']>): PortRequest[] {
  if (typeof options === 'string' ? options !== 'exposed' : !Array.isArray(options)) {
    throw invalidOption('ports', options, 'not a list', 'Give a list of ports, or "exposed" for those of the image')
  }
  const list = typeof options === 'string' ? [options] : options
  return list.flatMap((option) => {
    if (option === 'exposed') {
      throw invalidOption('ports', option, 'only images expose ports', 'Give the ports as numbers')
    }
    const given = typeof option === 'number' ? { container: option } : option
    checkOptions('a port', given, portShape)
    const { container, host = 0, address, protocol = 'tcp' } = given
    const containerPort = parsePort('port', container, 1)
    const hostPort = parsePort('host port', host, 0)
    if (!['tcp', 'udp'].includes(protocol)) {
      throw invalidOption('protocol of a port', protocol, 'unknown', 'Use "tcp" or "udp"')
    }
    if (address === undefined) {
      return [
        { address: '127.0.0.1', hostPort, containerPort, protocol },
        { address: '::1', hostPort, containerPort, protocol, sameAsBefore: true, optional: true },
      ]
    }
    if (isIP(address) === 0) {
      throw invalidOption('address of a port', address, 'not an IP address', 'Write it as "127.0.0.1" or "::1"')
    }
    return [{ address, hostPort, containerPort, protocol }]
  })
}

/** A published port as it came to be. */
export interface PublishedPort {
  readonly container: number
  readonly host: number
  readonly address: string
  readonly protocol: 'tcp' | 'udp'
}

/** Which requests were bound, and to what. */
export function publishedPorts(requests: readonly PortRequest[], bound: readonly number[]): PublishedPort[] {
  return requests.flatMap(({ containerPort, address = '127.0.0.1', protocol = 'tcp' }, index) => {
    const host = bound[index] ?? 0
    return host === 0 ? [] : [{ container: containerPort, host, address, protocol }]
  })
}

/** Where to connect to reach a listening address: those that mean every address mean loopback too. */
export function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}
