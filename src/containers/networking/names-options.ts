import { isIP } from 'node:net'
import { HOST_ADDRESS } from '../../networks/loopback.ts'
import { invalidOption } from '../option-parsers.ts'
import type { ContainerOptions } from '../options.ts'
import type { NamesSpec } from '../spec.ts'
import { isShared } from './network-option.ts'

/** @throws {AirplantError} `ERR_INVALID_OPTION` */
export function resolveNames(options: ContainerOptions): NamesSpec {
  const { extraHosts = {}, dns = [], dnsSearch = [], dnsOptions = [], hostAccess = [] } = options
  if (isShared(options.network)) refuse({ extraHosts: Object.keys(extraHosts), dns, dnsSearch, dnsOptions })
  const hosts = Object.entries(extraHosts).flatMap(([name, addresses]) =>
    [addresses].flat().map((address) => hostLine(name, address)),
  )
  const own = hostAccess.length > 0 && options.network !== 'host' ? ([[HOST_ADDRESS, HOST_NAME]] as const) : []
  const server = dns.find((address) => isIP(address) === 0)
  if (server !== undefined) throw invalidOption('dns', server, 'not an IP address', 'Give addresses of servers')
  return {
    hosts: [...own, ...hosts],
    servers: dns,
    search: dnsSearch.map((domain) => word('dnsSearch', domain)),
    options: dnsOptions.map((option) => word('dnsOptions', option)),
  }
}

/** Who shares a network sees the other container's /etc/hosts and /etc/resolv.conf. */
function refuse(lists: Readonly<Record<string, readonly string[]>>): void {
  for (const [option, list] of Object.entries(lists)) {
    if (list.length === 0) continue
    throw invalidOption(option, list, "the network is another container's", 'Give it to that container')
  }
}

/** The host, as seen from a container that may reach some of its ports. */
export const HOST_NAME = 'host.airplant.internal'

function hostLine(name: string, address: string): readonly [string, string] {
  const meant = address === 'host-gateway' ? HOST_ADDRESS : address
  if (isIP(meant) === 0) {
    throw invalidOption('extraHosts', address, 'not an IP address', 'Write { "name": "192.0.2.1" }, or "host-gateway"')
  }
  return [meant, word('extraHosts', name)]
}

// A line end in it would be a line of its own.
function word(option: string, text: string): string {
  if (typeof text === 'string' && /^[\x21-\x7e]+$/.test(text) && !text.startsWith('#')) return text
  throw invalidOption(option, text, 'not one word', 'Use letters, digits and punctuation, without spaces')
}
