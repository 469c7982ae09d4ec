import { AirplantError } from '../errors.ts'
import { digestFault, digestForm, isDigest, parseDigest } from './digest.ts'
import { looksLikeHost, parseHost } from './parse-host.ts'
import { quoteBriefly } from './quote-briefly.ts'

export { isDigest, parseDigest }

/** The name of an image, complete: Docker Hub's defaults are filled in. */
export interface Reference {
  /** Host, with its port if one was given; lower case. `'docker.io'`, `'127.0.0.1:5000'`, `'[::1]:5000'`. */
  readonly registry: string
  /** `'library/postgres'`. */
  readonly repository: string
  /** `'latest'` where neither tag nor digest was written. */
  readonly tag?: string | undefined
  /** `'sha256:…'`. It wins over the tag. */
  readonly digest?: string | undefined
}

/** The registry of names that say none. */
export const dockerHub = 'docker.io'

// The grammar of github.com/distribution/reference, which Docker, podman and containerd share.
const pathComponent = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/
const tags = /^\w[\w.-]{0,127}$/

/** The grammar's limit on the repository, without the registry. */
const longestRepository = 255

/**
 * Reads a reference as Docker does: `postgres` is `docker.io/library/postgres:latest`, and the first part is a registry where it has a
 * dot or a port, or is `localhost`.
 *
 * @param options `defaultTag: false` leaves the tag out where neither tag nor digest is written
 * @throws {AirplantError} `ERR_INVALID_REFERENCE`, which says what is wrong with it
 * @example
 * parseReference('postgres:17') // { registry: 'docker.io', repository: 'library/postgres', tag: '17' }
 */
export function parseReference(text: string, { defaultTag = true }: { defaultTag?: boolean } = {}): Reference {
  if (typeof text !== 'string' || text === '') throw invalid(text, 'no name', 'Write a name as in "postgres:17"')
  checkForLookalikes(text)
  const [named, digest] = splitOnce(text, text.indexOf('@'))
  // A colon before a slash is a port's; but what comes after the last colon of "host:5000/" is not a tag either.
  const colon = named.lastIndexOf(':')
  const [name, tag] = splitOnce(named, colon > named.lastIndexOf('/') ? colon : -1)
  const { registry, repository } = splitName(text, name)
  checkRepository(text, repository)
  if (tag !== undefined) checkTag(text, tag)
  if (digest !== undefined) checkDigest(text, digest)
  const chosen = tag ?? (digest === undefined && defaultTag ? 'latest' : undefined)
  return {
    registry,
    repository,
    ...(chosen !== undefined && { tag: chosen }),
    ...(digest !== undefined && { digest }),
  }
}

/** Written in full, as the store names it: `'docker.io/library/postgres:17'`, and `'@sha256:…'` after it if there is a digest. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${suffix(tag, digest)}`
}

/** As Docker shows it, without what {@link parseReference} would fill in again: `'postgres:17'`. A tag stays, also `latest`. */
export function familiarName(reference: Reference): string {
  const { registry, repository, tag, digest } = reference
  const full = formatReference(reference)
  if (registry !== dockerHub) return full
  const short = /^library\/[^/]+$/.test(repository) ? repository.slice('library/'.length) : repository
  const familiar = `${short}${suffix(tag, digest)}`
  return means(familiar, full) ? familiar : full
}

// "docker.io/example.com/app" without its registry would be another image.
function means(short: string, full: string): boolean {
  try {
    return formatReference(parseReference(short, { defaultTag: false })) === full
  } catch {
    return false
  }
}

function suffix(tag: string | undefined, digest: string | undefined): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

function splitOnce(text: string, at: number): [string, string | undefined] {
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function splitName(text: string, name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  if (slash < 0 || !looksLikeHost(first))
    return { registry: dockerHub, repository: slash < 0 ? `library/${name}` : name }
  const registry = hostOf(text, first)
  const rest = name.slice(slash + 1)
  if (registry !== dockerHub) return { registry, repository: rest }
  return { registry, repository: rest.includes('/') ? rest : `library/${rest}` }
}

function hostOf(text: string, written: string): string {
  const host = parseHost(written)
  if (host !== undefined) return host === 'index.docker.io' ? dockerHub : host
  const hint = 'Write a registry as "host", "host:port" or "[IPv6 address]:port"'
  throw invalid(text, `${quoteBriefly(written)} is not a host`, hint)
}

function checkForLookalikes(text: string): void {
  const [, scheme, rest] = /^([a-z][a-z0-9+-]*):\/\/(.*)$/is.exec(text) ?? []
  if (scheme !== undefined) {
    throw invalid(text, `it begins with "${scheme}://"`, `Leave the scheme out: write ${quoteBriefly(rest)}`)
  }
  const [, hex] = /^(?:sha256:)?([0-9a-f]{64})$/.exec(text) ?? []
  if (hex !== undefined) {
    throw invalid(text, 'it is the ID of an image, not a name', `Write "name@sha256:${hex}" to name a digest`)
  }
}

function checkRepository(text: string, repository: string): void {
  if (repository.length > longestRepository) {
    throw invalid(
      text,
      `the repository has ${repository.length} characters`,
      `A repository has at most ${longestRepository}`,
    )
  }
  for (const component of repository.split('/')) {
    if (pathComponent.test(component)) continue
    if (pathComponent.test(component.toLowerCase())) {
      const lower = text.replace(/^[^@]*?(?=(?::[^/@]*)?(?:@|$))/, (name) => name.toLowerCase())
      throw invalid(text, `${quoteBriefly(component)} has upper-case letters`, `Write ${quoteBriefly(lower)}`)
    }
    throw invalid(
      text,
      component === '' ? 'a part of the name is empty' : `${quoteBriefly(component)} cannot be part of a name`,
      'Names are made of a to z and 0 to 9, with ".", "_", "__" or "-" between them, and "/" between the parts',
    )
  }
}

function checkTag(text: string, tag: string): void {
  if (tags.test(tag)) return
  throw invalid(
    text,
    tag === '' ? 'there is no tag after ":"' : `${quoteBriefly(tag)} is not a tag`,
    'A tag is up to 128 letters, digits, "_", "." and "-", and begins with none of the last two',
  )
}

function checkDigest(text: string, digest: string): void {
  if (isDigest(digest)) return
  throw invalid(text, `the digest ${quoteBriefly(digest)} is wrong, ${digestFault(digest)}`, digestForm)
}

function invalid(text: unknown, reason: string, hint: string): AirplantError {
  const message = `Cannot use ${quoteBriefly(text)} as an image's name: ${reason}`
  return new AirplantError({ code: 'ERR_INVALID_REFERENCE', message, hint })
}

/** Whether it can be a repository, or the beginning of one, by its characters. */
export function isRepository(text: string): boolean {
  return text.length <= longestRepository && text.split('/').every((component) => pathComponent.test(component))
}
