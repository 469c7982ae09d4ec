import { readBody } from './body.ts'
import type { Exchange, RegistryRequest } from './exchange.ts'
import { locationOf } from './follow-redirects.ts'
import { header } from './header.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'
import type { HttpAnswer } from './transport.ts'

/** Bounds on what a registry may make us hold. */
const MOST_PAGES = 1000
const MOST_ENTRIES = 100_000
const LONGEST_PAGE = 8 * 1024 ** 2

/** A list that comes in pages. */
export interface PagedList {
  /** Path and query of its first page. */
  readonly path: string
  /** Field of the answer that holds the entries. */
  readonly field: string
  readonly scope: string
  /** What an entry looks like; others are left out. */
  readonly entry: RegExp
}

/** All entries of a list, page after page as the Link headers say. Throws refusals. */
export async function listPages(
  exchange: Exchange,
  endpoint: Endpoint,
  list: PagedList,
  retry: RetryOptions,
): Promise<string[]> {
  const entries = new Set<string>()
  const seen = new Set<string>()
  let path: RegistryRequest['path'] | undefined = list.path
  while (path !== undefined && seen.size < MOST_PAGES && entries.size < MOST_ENTRIES) {
    seen.add(String(path))
    const request = {
      method: 'GET',
      headers: { accept: 'application/json' },
      scope: list.scope,
      expected: [200],
    } as const
    const answer: HttpAnswer = await exchange.send(endpoint, { ...request, path }, retry)
    for (const entry of await readEntries(answer, list)) entries.add(entry)
    path = nextPage(answer, endpoint)
    if (path !== undefined && seen.has(String(path))) throw refusal('ERR_REGISTRY_ANSWER', 'its pages go in a circle')
  }
  return [...entries]
}

async function readEntries({ body }: HttpAnswer, { field, entry }: PagedList): Promise<string[]> {
  const value = ((await readJson(body)) as Record<string, unknown> | null)?.[field] ?? []
  if (!Array.isArray(value)) throw refusal('ERR_REGISTRY_ANSWER', `its answer has no list "${field}"`)
  return value.filter((each): each is string => typeof each === 'string' && entry.test(each))
}

/** A body as JSON. Throws refusals. */
export async function readJson(body: HttpAnswer['body']): Promise<unknown> {
  const bytes = await readBody(body, LONGEST_PAGE)
  try {
    return JSON.parse(bytes.toString())
  } catch {
    throw refusal('ERR_REGISTRY_ANSWER', 'its answer is not JSON')
  }
}

/** RFC 8288: `</v2/_catalog?n=100&last=x>; rel="next"`. The next page is the same server's, for it gets our credentials. */
function nextPage({ headers, url }: HttpAnswer, { baseUrl }: Endpoint): URL | undefined {
  const [, target] = /<([^<>]{1,4096})>\s*;\s*rel="?next"?/i.exec(header(headers, 'link') ?? '') ?? []
  if (target === undefined) return undefined
  const next = locationOf(target, url)
  if (next.origin !== new URL(baseUrl).origin)
    throw refusal('ERR_REGISTRY_ANSWER', `its next page is at ${next.origin}`)
  return next
}
