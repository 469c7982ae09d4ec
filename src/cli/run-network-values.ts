import { parsePublished } from '../containers/parse-published.ts'
import type { NetworkDraft } from './run-network-flags.ts'
import { usageError } from './usage-error.ts'

/** `--publish`: checked at once, kept as it is. */
export function readPublish(text: string): string {
  parsePublished(text)
  return text
}

/** `--expose`: a port or range of the container, without a host's. */
export function readExpose(text: string): string {
  if (text.includes(':'))
    throw usageError(`Cannot expose "${text}": not a port of the container`, 'Write --expose 80, or 8000-8010/udp')
  return readPublish(text)
}

/** `--egress[=PROGRAM]`. */
export function readEgress(text: string): NetworkDraft['egress'] {
  if (text === 'slirp4netns' || text === 'pasta') return text
  if (/^(true|t|1)$/i.test(text)) return true
  if (/^(false|f|0)$/i.test(text)) return false
  throw usageError(
    `Cannot use "${text}" as --egress`,
    'Write --egress, --egress=slirp4netns, --egress=pasta or --no-egress',
  )
}

/** `--host-access`. */
export function readHostPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text)
  throw usageError(`Cannot use "${text}" as --host-access`, 'Give a port from 1 to 65535; repeat it for more')
}

/** `--add-host NAME:IP` or `NAME=IP`, where an IPv6 address may be in brackets. */
export function addHost(hosts: Map<string, readonly string[]>, text: string): void {
  const [, name, address] = /^([^=:]+)[=:](.+)$/s.exec(text) ?? []
  if (name === undefined || address === undefined) {
    throw usageError(`Cannot use "${text}" as --add-host: no name and address`, 'Write NAME:IP, or NAME:host-gateway')
  }
  const plain = address.replace(/^\[(.*)\]$/s, '$1')
  hosts.set(name, [...(hosts.get(name) ?? []), plain])
}
