import { isIP } from 'node:net'
import type { PortRequest } from '../rootless/client/spawn-request.ts'
import { checkOptions } from '../rootless/check-options.ts'
import { portShape } from './option-shapes.ts'
import { invalidOption, parsePort } from './option-parsers.ts'
import type { ContainerOptions, PortOption } from './options.ts'
import type { PublishedSpec } from './parse-published.ts'
import { parsePublished } from './parse-published.ts'

/** A listening socket to ask the keeper for. */
export interface RequestedPort extends PortRequest {
  /** When the host port is taken the next of these is tried. */
  readonly hostRange?: { readonly first: number; readonly last: number }
}

/** The keeper's limit. */
const MOST_SOCKETS = 128

/**
 * The listening sockets for the published ports. Without an address there are two per port, on 127.0.0.1 and on ::1 with the same
 * number: Node resolves `localhost` to ::1 first.
 */
export function requestPorts(options: NonNullable<ContainerOptions['ports']>): RequestedPort[] {
  if (typeof options === 'string' ? options !== 'exposed' : !Array.isArray(options)) {
    throw invalidOption('ports', options, 'not a list', 'Give a list of ports, or "exposed" for those of the image')
  }
  const list = typeof options === 'string' ? [options] : options
  const requests = list.flatMap((option) => {
    if (option === 'exposed') {
      throw invalidOption('ports', option, 'only images expose ports', 'Give the ports as numbers')
    }
    return publishedSpecs(option).flatMap(socketsOf)
  })
  if (requests.length <= MOST_SOCKETS) return requests
  const hint = 'Publish only those that are needed; with an address each takes one socket, without two'
  throw invalidOption('ports', `${list.length} ports`, `more than ${MOST_SOCKETS} sockets`, hint)
}

/** What one option publishes; a text may be several ports. @throws {AirplantError} `ERR_INVALID_OPTION` */
export function publishedSpecs(option: PortOption): PublishedSpec[] {
  if (typeof option === 'string') return parsePublished(option)
  const given = typeof option === 'number' ? { container: option } : option
  checkOptions('a port', given, portShape)
  const { container, host: wanted = 0, address, protocol = 'tcp' } = given
  if (!['tcp', 'udp'].includes(protocol)) {
    throw invalidOption('protocol of a port', protocol, 'unknown', 'Use "tcp" or "udp"')
  }
  if (address !== undefined && (isIP(address) === 0 || address.includes('%'))) {
    throw invalidOption('address of a port', address, 'not an IP address', 'Write it as "127.0.0.1" or "::1"')
  }
  const host = parsePort('host port', wanted, 0)
  return [{ container: parsePort('port', container, 1), host, lastHost: host, address, protocol }]
}

function socketsOf({ container, host, lastHost, address, protocol }: PublishedSpec): RequestedPort[] {
  const common = { hostPort: host, containerPort: container, protocol }
  const range = lastHost > host ? { hostRange: { first: host, last: lastHost } } : {}
  if (address !== undefined) return [{ address, ...common, ...range }]
  return [
    { address: '127.0.0.1', ...common, ...range },
    { address: '::1', ...common, ...range, sameAsBefore: true, optional: true },
  ]
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

/** What is published with the host's network: a server's own port is the host's. */
export function hostPorts(requests: readonly PortRequest[]): PublishedPort[] {
  return publishedPorts(
    requests,
    requests.map((port) => port.containerPort),
  )
}

/** Where to connect to reach a listening address: those that mean every address mean loopback too. */
export function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}
