import type { ListedImage } from '../images/store/list-images.ts'
import type { Filters } from './read-filters.ts'
import { fitLabels, parseUntil, switchOf } from './read-filters.ts'
import { usageError } from './usage-error.ts'

/** What `images --filter` knows. */
export const imageFilterNames = ['dangling', 'reference', 'label', 'before', 'since', 'until'] as const

/**
 * Makes the function that says whether an image fits filters.
 *
 * @param all where the images are that `before` and `since` name
 * @param now milliseconds since 1970
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function imageFilter(
  filters: Filters,
  all: readonly ListedImage[],
  now: number,
): (image: ListedImage) => boolean {
  const dangling = switchOf(filters, 'dangling')
  const patterns = (filters.get('reference') ?? []).map(parsePattern)
  const until = filters.get('until')?.map((text) => parseUntil(text, now).getTime()) ?? []
  const before = filters.get('before')?.map((name) => timeOf(named(name, all))) ?? []
  const since = filters.get('since')?.map((name) => timeOf(named(name, all))) ?? []
  const [earliest, latest] = [Math.max(-Infinity, ...since), Math.min(Infinity, ...until, ...before)]
  return (image) =>
    (dangling === undefined || dangling === (image.tag === undefined)) &&
    (patterns.length === 0 || patterns.some((pattern) => fitsPattern(image, pattern))) &&
    timeOf(image) > earliest &&
    timeOf(image) < latest &&
    fitLabels(image.labels, filters)
}

/** A pattern of names in the way of docker: `*` and `?` stop at slashes, and the tag may be left out. */
function parsePattern(text: string): RegExp {
  const source = text.replace(/\[\^?[^\]]*\]|[*?]|[\\^$.|+(){}[\]]/g, (part) => {
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    return part.length > 1 ? part : `\\${part}`
  })
  try {
    return new RegExp(`^${source}$`)
  } catch {
    throw usageError(`Cannot use "${text}" as a pattern of names`, 'Write names with * and ?, as "postgres:1*"')
  }
}

/** Whether one of the ways to write an image's name fits. */
function fitsPattern({ repository, tag }: ListedImage, pattern: RegExp): boolean {
  if (repository === undefined) return false
  const full = repository.includes('/') ? repository : `docker.io/library/${repository}`
  return [repository, full].some((name) => pattern.test(name) || (tag !== undefined && pattern.test(`${name}:${tag}`)))
}

function named(name: string, all: readonly ListedImage[]): ListedImage {
  const found = all.find(
    ({ id, repository, tag }) =>
      `${repository}:${tag}` === name ||
      (tag === 'latest' && repository === name) ||
      (/^(sha256:)?[0-9a-f]{2,64}$/.test(name) && id.replace('sha256:', '').startsWith(name.replace('sha256:', ''))),
  )
  if (found) return found
  throw usageError(`Cannot filter by the time of "${name}": it is not in the store`, 'See "airplant images"')
}

function timeOf({ created }: ListedImage): number {
  const time = Date.parse(created ?? '')
  return Number.isNaN(time) ? 0 : time
}
