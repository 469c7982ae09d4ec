import { dockerHub } from '../../reference.ts'

/** A key of `auths` or `credHelpers` in its parts. */
export interface RegistryKey {
  /** In lower case; every name of Docker Hub is `docker.io`. */
  readonly host: string
  /** Prefix of repositories, `''` for all of the registry. */
  readonly path: string
}

const hubNames = ['index.docker.io', 'registry-1.docker.io']

/** The key that Docker writes for Docker Hub: the address of a service that ended in 2015. */
const hubKey = 'https://index.docker.io/v1/'

/**
 * Reads a key in any form that Docker or podman ever wrote: `https://index.docker.io/v1/`, `host:port`, `http://host/v2/`, and
 * `host/team/app` of containers-auth.json(5). After a scheme only the host counts, for both of them.
 */
export function parseRegistryKey(key: string): RegistryKey {
  const [, scheme, rest = ''] = /^(https?:\/\/)?(.*)$/is.exec(key) ?? []
  const [written = '', ...parts] = rest.split('/')
  const path = parts.join('/').replace(/\/+$/, '')
  const ofApi = scheme !== undefined || /^v[12]$/.test(path)
  return { host: registryHost(written), path: ofApi ? '' : path }
}

/** A host as credentials know it. */
export function registryHost(written: string): string {
  const host = written.toLowerCase()
  return hubNames.includes(host) ? dockerHub : host
}

/** Length of the key's prefix when it is for this repository; undefined when it is not. */
export function matchLength(key: string, registry: string, repository: string): number | undefined {
  const { host, path } = parseRegistryKey(key)
  if (host !== registryHost(registry)) return undefined
  return path === '' || `${repository}/`.startsWith(`${path}/`) ? path.length : undefined
}

/** The key under which a login is written, and what a helper is asked for: Docker's. */
export function canonicalKey(registry: string): string {
  const host = registryHost(registry)
  return host === dockerHub ? hubKey : host
}
