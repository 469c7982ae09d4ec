import { isIPv6 } from 'node:net'

const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?'
const form = new RegExp(`^(?:(${label}(?:\\.${label})*)|\\[([0-9a-f:]+)\\])(?::([0-9]+))?$`)

/**
 * A host with or without a port, in lower case: the same registry written differently is to have the same images and credentials.
 *
 * @returns undefined when it is none
 */
export function parseHost(written: string): string | undefined {
  const host = written.toLowerCase()
  const [, name, address, port] = form.exec(host) ?? []
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return undefined
  return name !== undefined || (address !== undefined && isIPv6(address)) ? host : undefined
}

/** Whether the first part of a name is a host and no part of a repository: it has a dot or a port, or is `localhost`. */
export function looksLikeHost(first: string): boolean {
  return /[.:[\]]/.test(first) || first.toLowerCase() === 'localhost'
}
