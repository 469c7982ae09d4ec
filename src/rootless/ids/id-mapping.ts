import { AirplantError } from '../../errors.ts'
import { concatenate, fitToKernel, intersect, mappedCount, subtract, withoutRepeats } from './extents.ts'
import type { Extent, IdRange } from './extents.ts'
import { findFreeRange, FULL_COUNT } from './free-range.ts'

export { containerId, hostId, mapText } from './extents.ts'
export type { Extent, IdRange } from './extents.ts'

/** `auto` takes subordinate IDs where they can be had, `subordinate` insists on them, `single` maps one ID. */
export type IdMode = 'auto' | 'subordinate' | 'single'

/** The same fact about user IDs and about group IDs. */
export interface UidsAndGids<T> {
  readonly uids: T
  readonly gids: T
}

/** Everything {@link chooseIdMapping} decides from. */
export interface IdMappingInput {
  readonly mode: IdMode
  readonly uid: number
  readonly gid: number
  /** Login name, undefined when the user ID has no account. */
  readonly name: string | undefined
  /** The account's own group, undefined when the user ID has no account. */
  readonly accountGid: number | undefined
  /** Whether set-uid programs have no effect in this process (prctl(2), PR_SET_NO_NEW_PRIVS). */
  readonly noNewPrivs: boolean
  /** Paths of the two programs. */
  readonly newuidmap: string | undefined
  readonly newgidmap: string | undefined
  /** The user's subordinate ranges; for root, root's or else those of `containers`. */
  readonly subordinate: UidsAndGids<readonly IdRange[]>
  /** IDs that exist in this user namespace. */
  readonly available: UidsAndGids<readonly IdRange[]>
  /** IDs of accounts and other users' ranges; needed for root only. */
  readonly occupied: UidsAndGids<readonly IdRange[]>
  /** Whether user ID 0 is an ordinary user outside of this user namespace, as inside `unshare --map-root-user`. */
  readonly isNestedRoot?: boolean
  /** First ID of the range that a hint proposes. Default 100000. */
  readonly suggestedStart?: number
  /** The command that installs newuidmap here. */
  readonly installCommand?: string
}

/** How the IDs of containers are mapped. */
export interface IdMapping {
  /**
   * `newuidmap`: by the two set-uid programs. `direct`: written by root. `single`: written by an ordinary user, one ID each, with
   * /proc/PID/setgroups denied first.
   */
  readonly method: 'newuidmap' | 'direct' | 'single'
  readonly uids: readonly Extent[]
  readonly gids: readonly Extent[]
  /** What will not work, and the exact fix; undefined when nothing is missing. */
  readonly warning?: string
  /** The host's user ID of the container's root. */
  readonly rootUid: number
  /** The host's group ID of the container's root group. */
  readonly rootGid: number
  /** Paths of the programs to run, with method `newuidmap` only. */
  readonly programs?: { readonly newuidmap: string; readonly newgidmap: string }
}

/**
 * Chooses the mapping. An ordinary user is the container's root, and subordinate IDs follow; real root is never mapped at all.
 * Root of a user namespace that has no other ID is an ordinary user, and mapped.
 *
 * @throws {AirplantError} `ERR_ID_MAPPING` when subordinate IDs are insisted on and cannot be had, or root finds no free ID
 */
export function chooseIdMapping(input: IdMappingInput): IdMapping {
  if (input.uid === 0) return mapForRoot(input)
  if (input.mode === 'single') return mapSingle(input)
  const obstacle = findObstacle(input)
  if (!obstacle) return mapSubordinate(input)
  if (input.mode === 'subordinate') {
    throw new AirplantError({
      code: 'ERR_ID_MAPPING',
      phase: 'session',
      message: `Cannot map subordinate IDs: ${obstacle.what}`,
      hint: obstacle.fix,
    })
  }
  return { ...mapSingle(input), warning: onlyOne(obstacle.what, obstacle.fix) }
}

// Images give files to nobody more often than to any other high ID.
const NOBODY = 65_534

interface Obstacle {
  what: string
  fix: string
}

function findObstacle(input: IdMappingInput): Obstacle | undefined {
  const missing = [!input.newuidmap && 'newuidmap', !input.newgidmap && 'newgidmap'].filter(Boolean)
  if (missing.length > 0) {
    return { what: `${missing.join(' and ')} not found on PATH`, fix: input.installCommand ?? 'Install uidmap' }
  }
  if (input.noNewPrivs) {
    const fix = 'Start outside the sandbox that sets it (in Docker: without --security-opt no-new-privileges)'
    return { what: 'no_new_privs is set, so newuidmap cannot gain its rights', fix }
  }
  if (input.name === undefined) {
    const fix = `Add a line for ${input.uid} to /etc/passwd, and ranges to /etc/subuid and /etc/subgid`
    return { what: `user ID ${input.uid} has no account, which newuidmap requires`, fix }
  }
  if (input.gid !== input.accountGid) {
    const what = `the group is ${input.gid}, but newuidmap requires the account's own group ${input.accountGid}`
    return { what, fix: 'Start from a fresh login instead of newgrp, sg or a changed group' }
  }
  const { uids, gids } = usable(input)
  if (uids.length > 0 && gids.length > 0) return undefined
  const files = [uids.length === 0 && '/etc/subuid', gids.length === 0 && '/etc/subgid'].filter(Boolean)
  return { what: `no usable range for "${input.name}" in ${files.join(' and ')}`, fix: addRangesCommand(input) }
}

function mapSubordinate(input: IdMappingInput): IdMapping {
  const ranges = usable(input)
  const uids = fitToKernel([{ inside: 0, outside: input.uid, count: 1 }, ...concatenate(ranges.uids, 1)])
  const gids = fitToKernel([{ inside: 0, outside: input.gid, count: 1 }, ...concatenate(ranges.gids, 1)])
  const { newuidmap = '', newgidmap = '' } = input
  const programs = { newuidmap, newgidmap }
  const highest = Math.min(mappedCount(uids), mappedCount(gids)) - 1
  const mapping = { method: 'newuidmap', uids, gids, rootUid: input.uid, rootGid: input.gid, programs } as const
  return highest >= NOBODY ? mapping : { ...mapping, warning: fewIds(highest, addRangesCommand(input)) }
}

function mapSingle({ uid, gid }: IdMappingInput): IdMapping {
  const [uids, gids] = [uid, gid].map((id) => [{ inside: 0, outside: id, count: 1 }]) as [Extent[], Extent[]]
  return { method: 'single', uids, gids, rootUid: uid, rootGid: gid }
}

// Container root as real root would be one kernel bug away from the machine, so a range is found even where none was set up.
function mapForRoot(input: IdMappingInput): IdMapping {
  const own = usable(input)
  const hasOwn = own.uids.length > 0 && own.gids.length > 0
  if (input.isNestedRoot && input.mode !== 'subordinate' && !hasOwn && !hasFreeRanges(input)) {
    const what = 'the outer user namespace has no other'
    return { ...mapSingle(input), warning: onlyOne(what, 'give the outer container more IDs') }
  }
  const uids = hasOwn ? own.uids : freeRanges(input, 'uids')
  const gids = hasOwn ? own.gids : freeRanges(input, 'gids')
  const [uidMap, gidMap] = [uids, gids].map((ranges) =>
    input.mode === 'single'
      ? concatenate(ranges.slice(0, 1), 0).map((extent) => ({ ...extent, count: 1 }))
      : fitToKernel(concatenate(ranges, 0)),
  ) as [Extent[], Extent[]]
  const mapping = {
    method: 'direct',
    uids: uidMap,
    gids: gidMap,
    rootUid: uidMap[0]?.outside ?? -1,
    rootGid: gidMap[0]?.outside ?? -1,
  } as const
  const highest = Math.min(mappedCount(uidMap), mappedCount(gidMap)) - 1
  if (input.mode === 'single' || highest >= NOBODY) return mapping
  const fix = hasOwn
    ? 'give root 65536 IDs in /etc/subuid and /etc/subgid'
    : 'give the outer container more IDs (docker: no userns-remap; podman: --userns=auto:size=262144)'
  return { ...mapping, warning: fewIds(highest, fix) }
}

function hasFreeRanges({ available, occupied }: IdMappingInput): boolean {
  const find = (kind: keyof UidsAndGids<unknown>): IdRange | undefined =>
    findFreeRange({ available: available[kind], occupied: occupied[kind] })
  return find('uids') !== undefined && find('gids') !== undefined
}

function freeRanges(input: IdMappingInput, kind: keyof UidsAndGids<unknown>): IdRange[] {
  const range = findFreeRange({ available: input.available[kind], occupied: input.occupied[kind] })
  if (range) return [range]
  throw new AirplantError({
    code: 'ERR_ID_MAPPING',
    phase: 'session',
    message: `Cannot map ${kind}: every ID of this user namespace belongs to an account`,
    hint: 'Start as an ordinary user, or give the outer container more IDs',
  })
}

// Ranges that the kernel would refuse (outside this namespace, twice the same ID, the caller's own) are cut away here, because a
// single bad line makes it refuse the whole map.
function usable({ subordinate, available, uid, gid }: IdMappingInput): UidsAndGids<IdRange[]> {
  const clean = (ranges: readonly IdRange[], within: readonly IdRange[], own: number): IdRange[] =>
    withoutRepeats(subtract(intersect(ranges, within), [{ start: own, count: 1 }]))
  return { uids: clean(subordinate.uids, available.uids, uid), gids: clean(subordinate.gids, available.gids, gid) }
}

function addRangesCommand({ name, uid, suggestedStart = 100_000 }: IdMappingInput): string {
  const range = `${suggestedStart}-${suggestedStart + FULL_COUNT - 1}`
  return `sudo usermod --add-subuids ${range} --add-subgids ${range} ${name ?? uid}`
}

function onlyOne(what: string, fix: string): string {
  const lost = 'Programs that switch to another user or give files to one (postgres, nginx, apt) fail'
  return `Only one ID is mapped: ${what}. ${lost}. Fix: ${fix}`
}

function fewIds(highest: number, fix: string): string {
  return `IDs above ${highest} do not exist in containers, so files and users of theirs (65534 is nobody) fail. Fix: ${fix}`
}
