import { isAirplantError } from '../../errors.ts'
import { looksLikeHost, parseHost } from '../parse-host.ts'
import { dockerHub } from '../reference.ts'
import type { Ask, Tries } from './each-endpoint.ts'
import type { Exchange } from './exchange.ts'
import { foreignText } from './foreign-text.ts'
import { listPages, readJson } from './list-pages.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'

/** An image that a search found. */
export interface SearchResult {
  /** As it can be pulled: `'postgres'`, `'127.0.0.1:5000/team/app'`. */
  readonly name: string
  /** `''` where the registry has none. */
  readonly description: string
  readonly stars: number
  readonly official: boolean
}

/** What is searched for, and where. */
export interface Search {
  readonly registry: string
  readonly term: string
  readonly limit: number
}

/** Splits `REGISTRY/TERM`; a term alone is searched for in Docker Hub. */
export function splitTerm(text: string): { registry: string; term: string } {
  const slash = text.indexOf('/')
  const host = text.slice(0, Math.max(slash, 0))
  const registry = looksLikeHost(host) ? parseHost(host) : undefined
  if (registry === undefined) return { registry: dockerHub, term: text }
  return { registry: registry === 'index.docker.io' ? dockerHub : registry, term: text.slice(slash + 1) }
}

/**
 * Who is asked, in order: what looks like a search on mirrors and other hosts, Docker Hub's search, and then the catalogs of those that
 * have one.
 */
export function searches(
  exchange: Exchange,
  endpoints: readonly Endpoint[],
  search: Search,
  retry: RetryOptions,
): Ask<SearchResult[]>[] {
  // Docker Hub's registry has neither a search nor a catalog.
  const others = endpoints.filter(({ baseUrl }) => baseUrl !== 'https://registry-1.docker.io')
  const ask = (find: typeof searchIndex) => (endpoint: Endpoint, tries: Tries) =>
    find(exchange, endpoint, search, { ...retry, ...tries })
  return [
    ...others.map((endpoint) => ({ endpoint, ask: ask(searchIndex) })),
    ...(others.length < endpoints.length ? [{ endpoint: hubSearch, ask: ask(searchIndex) }] : []),
    ...others.map((endpoint) => ({ endpoint, ask: ask(searchCatalog) })),
  ]
}

/** Docker Hub's search is on the host of its first registry, and of no other. */
const hubSearch: Endpoint = {
  baseUrl: 'https://index.docker.io',
  repository: '',
  insecureTls: false,
  isMirror: false,
  credentialsKey: dockerHub,
}

const repositories = /^[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*$/

/** Searches by the Docker Hub's interface, which some other registries have too. Throws refusals. */
async function searchIndex(
  exchange: Exchange,
  endpoint: Endpoint,
  { registry, term, limit }: Search,
  retry: RetryOptions,
): Promise<SearchResult[]> {
  const path = `/v1/search?${new URLSearchParams({ q: term, n: `${limit}` }).toString()}`
  const request = { method: 'GET', path, headers: { accept: 'application/json' }, scope: '', expected: [200] } as const
  const answer = await exchange.send(endpoint, request, { ...retry, tries: 2, connectionTries: 2 })
  const { results } = ((await readJson(answer.body)) ?? {}) as { results?: unknown }
  if (!Array.isArray(results)) throw refusal('ERR_REGISTRY_ANSWER', 'its answer has no results')
  return results.flatMap((result: unknown) => {
    const { name, description, star_count: stars, is_official: official } = (result ?? {}) as Record<string, unknown>
    if (typeof name !== 'string' || !repositories.test(name)) return []
    return {
      name: pullName(registry, name),
      description: typeof description === 'string' ? foreignText(description, 1000) : '',
      stars: typeof stars === 'number' && Number.isFinite(stars) ? stars : 0,
      official: official === true,
    }
  })
}

/** Searches the names in a registry's catalog. Throws refusals. */
async function searchCatalog(
  exchange: Exchange,
  endpoint: Endpoint,
  { registry, term }: Search,
  retry: RetryOptions,
): Promise<SearchResult[]> {
  const wanted = term.toLowerCase()
  const names = await listCatalog(exchange, endpoint, retry)
  return names
    .filter((name) => name.includes(wanted))
    .map((name) => ({ name: pullName(registry, name), description: '', stars: 0, official: isLibrary(registry, name) }))
}

/** Repositories of a registry, as references to it name them. Throws refusals. */
export async function listCatalog(exchange: Exchange, endpoint: Endpoint, retry: RetryOptions): Promise<string[]> {
  const list = { path: '/v2/_catalog?n=100', field: 'repositories', scope: 'registry:catalog:*', entry: repositories }
  try {
    const names = await listPages(exchange, endpoint, list, retry)
    // Of a mirror that keeps a registry below a prefix, only what is below it, without it.
    const prefix = endpoint.repository === '' ? '' : `${endpoint.repository}/`
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  } catch (error) {
    if (!isAirplantError(error) || error.code !== 'ERR_IMAGE_NOT_FOUND') throw error
    throw refusal('ERR_REGISTRY_ANSWER', 'it has no catalog', 'Name an image, and ask for its tags')
  }
}

function isLibrary(registry: string, name: string): boolean {
  return registry === dockerHub && name.startsWith('library/')
}

function pullName(registry: string, name: string): string {
  if (registry !== dockerHub) return `${registry}/${name}`
  return name.replace(/^library\/(?=[^/]+$)/, '')
}
