import { AirplantError } from '../../errors.ts'
import type { Reference } from '../reference.ts'
import { dockerHub, formatReference } from '../reference.ts'
import { isLoopback } from './is-loopback.ts'
import type { Location, RegistriesConfig } from './registries-config.ts'

/** Where to ask for a reference. */
export interface Endpoint {
  /** Scheme, host and port, without a slash at its end: `'https://registry-1.docker.io'`. */
  readonly baseUrl: string
  /** The repository's name there. */
  readonly repository: string
  /** TLS certificates need not be verified. */
  readonly insecureTls: boolean
  /** It is asked for pulls only, and an answer of "not found" is not the last word. */
  readonly isMirror: boolean
  /** The registry whose credentials are meant for it: first argument of `findCredentials`, with `repository` as the second. */
  readonly credentialsKey: string
}

/** The host that serves Docker Hub's registry; docker.io itself is its web site. */
const hubHost = 'registry-1.docker.io'

/**
 * Lists where to ask for a reference, in order: mirrors, then the registry. A push takes those that are no mirrors. For content by digest
 * give the reference with that digest: mirrors that serve only digests count then.
 *
 * Where a host may be asked insecurely and no scheme is configured it is listed under both schemes. The next one is to be tried when a
 * connection fails, or when a TLS port answers plain HTTP with 400.
 *
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND` when the configuration blocks it, `ERR_INVALID_OPTION` when it leaves nothing of the name
 * @example
 * resolveEndpoints(parseReference('redis'), noRegistriesConfig)
 * // [{ baseUrl: 'https://registry-1.docker.io', repository: 'library/redis', credentialsKey: 'docker.io', … }]
 */
export function resolveEndpoints(reference: Reference, config: RegistriesConfig): Endpoint[] {
  const name = `${reference.registry}/${reference.repository}`
  const settings = longestFirst(config.registries.filter(({ prefix }) => isBelow(name, prefix)))[0]
  if (settings?.blocked) throw blocked(reference, settings)
  const own = longestFirst(config.mirrors.filter(({ prefix }) => isBelow(name, prefix)))
  const further = (settings?.mirrors ?? []).map((mirror) => ({ ...mirror, prefix: settings!.prefix }))
  const mirrors = [...own, ...further].filter(({ digestOnly }) => !digestOnly || reference.digest !== undefined)
  const place = (prefix: string, location: Location, insecure: boolean, isMirror: boolean): Endpoint[] => {
    const repository = join(location.path, name.slice(prefix.length + 1))
    // A reference without a repository stands for all of a registry: its catalog, its search.
    if (repository === '' && reference.repository !== '') throw nameless(prefix, location)
    return schemesOf(location, insecure || config.insecureHosts.includes(location.host)).map((scheme) => ({
      baseUrl: `${scheme}://${location.host === dockerHub ? hubHost : location.host}`,
      repository,
      insecureTls: scheme === 'https' && mayBeInsecure(location, insecure, config),
      isMirror,
      credentialsKey: location.host,
    }))
  }
  const plain: Location = { scheme: undefined, host: reference.registry, path: '' }
  return [
    ...mirrors.flatMap(({ prefix, location, insecure }) => place(prefix, location, insecure, true)),
    ...(settings?.location
      ? place(settings.prefix, settings.location, settings.insecure, false)
      : place(reference.registry, plain, settings?.insecure ?? false, false)),
  ]
}

/**
 * Docker takes every loopback registry for insecure and asks by https first. Nearly all of them speak plain HTTP, and starting TLS costs a
 * fresh process more than the request, so that here HTTP comes first: on loopback there is nobody to listen in between. A registry elsewhere
 * that may be insecure is asked by https first, as Docker does: an attacker who only listens then learns nothing of one that has TLS.
 */
function schemesOf({ scheme, host }: Location, insecure: boolean): ('http' | 'https')[] {
  if (scheme !== undefined) return [scheme]
  if (isLoopback(host)) return host.endsWith(':443') ? ['https'] : ['http', 'https']
  return insecure ? ['https', 'http'] : ['https']
}

function mayBeInsecure({ host }: Location, insecure: boolean, config: RegistriesConfig): boolean {
  return insecure || isLoopback(host) || config.insecureHosts.includes(host)
}

function isBelow(name: string, prefix: string): boolean {
  return `${name}/`.startsWith(`${prefix}/`)
}

function longestFirst<Item extends { readonly prefix: string }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => b.prefix.length - a.prefix.length)
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/')
}

function blocked(reference: Reference, { prefix, source }: { prefix: string; source: string }): AirplantError {
  return new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    message: `Cannot ask a registry for "${formatReference(reference)}": "${prefix}" is blocked`,
    hint: `Remove "blocked" in ${source}, or use an image from elsewhere`,
    image: formatReference(reference),
  })
}

function nameless(prefix: string, location: Location): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot find "${prefix}" at "${location.host}": in that place it has no repository`,
    hint: `Write the repository too: "${location.host}/…"`,
  })
}
