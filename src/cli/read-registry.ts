import { parseHost } from '../images/parse-host.ts'
import { dockerHub } from '../images/reference.ts'
import { parseRegistryKey } from '../images/registry/credentials/registry-key.ts'
import { usageError } from './usage-error.ts'

/**
 * The host that an argument of `login` means: also an address, as docker takes it. Default Docker Hub.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function readRegistry(written: string | undefined): string {
  if (written === undefined) return dockerHub
  const host = parseHost(parseRegistryKey(written).host)
  if (host !== undefined) return host
  throw usageError(`Cannot use "${written}" as a registry: not a host`, 'Write "host" or "host:port"')
}
