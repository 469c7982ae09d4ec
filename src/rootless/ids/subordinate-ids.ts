import { LAST_ID } from './extents.ts'
import type { IdRange } from './extents.ts'

/** A line of /etc/subuid or /etc/subgid. */
export interface SubordinateEntry extends IdRange {
  /** Login name or decimal user ID, as written. */
  readonly owner: string
}

/** Every valid line of the text of /etc/subuid or /etc/subgid (subuid(5): `owner:start:count`). */
export function parseSubordinateEntries(text: string): SubordinateEntry[] {
  return [...text.matchAll(/^([^#:\n][^:\n]*):(\d+):(\d+)[ \t]*$/gm)].flatMap(([, owner, start, count]) =>
    toRange(start, count).map((range) => ({ owner: owner ?? '', ...range })),
  )
}

/**
 * The ranges that the text of /etc/subuid or /etc/subgid gives to a user, by name or by number, in the file's order.
 *
 * @example
 * parseSubordinateIds('dev:100000:65536\n', 'dev', 1000) // [{ start: 100000, count: 65536 }]
 */
export function parseSubordinateIds(text: string, name: string | undefined, uid: number): IdRange[] {
  // Only the user's own lines are taken apart: the files of big sites have tens of thousands.
  const owners = [String(uid), ...(name ? [name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')] : [])].join('|')
  const lines = new RegExp(`^(?:${owners}):(\\d+):(\\d+)[ \\t]*$`, 'gm')
  return [...text.matchAll(lines)].flatMap(([, start, count]) => toRange(start, count))
}

/** The ranges in what `getsubids [-g] user` prints: lines such as `0: dev 100000 65536`. */
export function parseGetsubids(output: string): IdRange[] {
  return [...output.matchAll(/^\d+: \S+ (\d+) (\d+)[ \t]*$/gm)].flatMap(([, start, count]) => toRange(start, count))
}

/** Whether the text of /etc/nsswitch.conf says that the subordinate IDs are not (only) in the files. */
export function usesOtherSource(nsswitch: string): boolean {
  if (!nsswitch.includes('subid:')) return false
  const sources = /^[ \t]*subid:[ \t]*([^#\n]*)/m.exec(nsswitch)?.[1]?.trim()
  return sources !== undefined && sources !== '' && sources !== 'files'
}

/** The IDs that exist in this user namespace, from the text of /proc/self/uid_map or gid_map. */
export function parseIdMap(text: string): IdRange[] {
  return [...text.matchAll(/^\s*(\d+)\s+\d+\s+(\d+)\s*$/gm)].flatMap(([, start, count]) => toRange(start, count))
}

/** The users' or groups' own IDs in the text of /etc/passwd or /etc/group, each as a range of one. */
export function parseAccountIds(text: string): IdRange[] {
  return [...text.matchAll(/^[^:\n]+:[^:\n]*:(\d+):/gm)].flatMap(([, id]) => toRange(id, '1'))
}

function toRange(startText: string | undefined, countText: string | undefined): IdRange[] {
  const start = Number(startText)
  const count = Math.min(Number(countText), LAST_ID - start + 1)
  return Number.isSafeInteger(start) && count > 0 ? [{ start, count }] : []
}
