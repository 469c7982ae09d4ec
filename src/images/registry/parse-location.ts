import { parseHost } from '../parse-host.ts'
import { isRepository } from '../reference.ts'
import type { Location } from './registries-config.ts'
import { registryHost } from './credentials/registry-key.ts'

/**
 * Reads `[http://|https://]host[:port][/path]`.
 *
 * @returns a text that says what is wrong when it is none
 */
export function parseLocation(text: string): Location | string {
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+-]*):\/\/)?(.*)$/is.exec(text) ?? []
  const kind = scheme?.toLowerCase()
  if (kind !== undefined && kind !== 'http' && kind !== 'https') return `${kind} is not http or https`
  const [first = '', ...parts] = rest.replace(/\/+$/, '').split('/')
  if (first.includes('@')) return 'passwords do not belong here: log in instead'
  const host = parseHost(first)
  if (host === undefined) return 'it has no host'
  const path = parts.join('/')
  if (path !== '' && !isRepository(path)) return 'its path cannot be the beginning of a repository'
  return { scheme: kind, host: registryHost(host), path }
}
