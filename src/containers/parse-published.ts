import { isIP } from 'node:net'
import { AirplantError } from '../errors.ts'

/** A published port with everything said. */
export interface PublishedSpec {
  /** Inside the container. */
  readonly container: number
  /** On the host, 0 for any free one; the first that is tried when there are several. */
  readonly host: number
  /** The last that is tried. */
  readonly lastHost: number
  /** Undefined: 127.0.0.1 and ::1. */
  readonly address: string | undefined
  readonly protocol: 'tcp' | 'udp'
}

/** Ports from the first to the last. */
interface PortRange {
  readonly first: number
  readonly last: number
}

/** More would not fit into one container, and would only make a long list here. */
const MOST_PORTS = 128

/**
 * Reads a port as docker's `-p` takes it: `[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]`, where both numbers may be ranges. As many of the host
 * as of the container go by pairs; several of the host for one of the container are tried in order.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 * @example
 * parsePublished('127.0.0.1:8080:80/udp') // [{ container: 80, host: 8080, lastHost: 8080, address: '127.0.0.1', protocol: 'udp' }]
 */
export function parsePublished(text: string): PublishedSpec[] {
  const [, bracketed, plain = '', named = 'tcp'] = /^(?:\[([^\]]*)\](?=:))?([^/]*)(?:\/(.*))?$/s.exec(text) ?? []
  const protocol = readProtocol(text, named)
  const parts = plain.split(':')
  const container = readRange(text, 'container', parts.pop() ?? '')
  const written = parts.pop() ?? ''
  const host = written === '' || written === '0' ? undefined : readRange(text, 'host', written)
  const address = readAddress(text, bracketed, parts)
  return pair(text, container, host).map((ports) => ({ ...ports, address, protocol }))
}

function readProtocol(text: string, named: string): 'tcp' | 'udp' {
  const protocol = named.toLowerCase()
  if (protocol === 'tcp' || protocol === 'udp') return protocol
  if (protocol === 'sctp') throw refused(text, 'SCTP is not forwarded', 'Give the container --network host for it')
  throw refused(text, `unknown protocol "${named}"`, 'Write /tcp, /udp, or nothing for tcp')
}

function readRange(text: string, side: 'container' | 'host', written: string): PortRange {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(written) ?? []
  const [first, last] = [Number(from), Number(to)]
  if (from === undefined || first < 1 || last > 65_535) {
    throw refused(text, `invalid ${side} port "${written}"`, 'Ports are whole numbers from 1 to 65535')
  }
  if (last < first) throw refused(text, `the range "${written}" ends before it begins`, 'Write the lower number first')
  if (side === 'container' && last - first >= MOST_PORTS) {
    throw refused(
      text,
      `the range "${written}" has more than ${MOST_PORTS} ports`,
      'Publish only those that are needed',
    )
  }
  return { first, last }
}

function readAddress(text: string, bracketed: string | undefined, parts: readonly string[]): string | undefined {
  // After brackets the plain part begins with a colon.
  const [named = '', ...more] = bracketed === undefined ? parts : [bracketed, ...parts.slice(1)]
  const isWhole = bracketed === undefined || parts.length === 1
  if (more.length > 0 || !isWhole) {
    throw refused(text, 'not a port', 'Write 8080:80, 80, 127.0.0.1:8080:80 or [::1]:8080:80')
  }
  if (named === '' && bracketed === undefined) return undefined
  if (isIP(named) !== 0 && !named.includes('%')) return named
  throw refused(text, `"${named}" is not an IP address`, 'Write it as 127.0.0.1 or [::1], or leave it out')
}

function pair(
  text: string,
  container: PortRange,
  host: PortRange | undefined,
): Pick<PublishedSpec, 'container' | 'host' | 'lastHost'>[] {
  const count = container.last - container.first + 1
  if (host && count === 1) return [{ container: container.first, host: host.first, lastHost: host.last }]
  if (host && host.last - host.first + 1 !== count) {
    throw refused(text, 'the ranges differ in size', 'Give as many host ports as container ports, or no host ports')
  }
  return Array.from({ length: count }, (_, index) => {
    const number = host ? host.first + index : 0
    return { container: container.first + index, host: number, lastHost: number }
  })
}

function refused(text: string, why: string, hint: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'create',
    message: `Cannot publish "${text}": ${why}`,
    hint,
  })
}
