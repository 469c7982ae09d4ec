import { installCommands, UIDMAP_PACKAGE } from '../distribution.ts'
import { overlaps } from '../ids/extents.ts'
import type { IdRange } from '../ids/extents.ts'
import { FULL_COUNT, suggestStart } from '../ids/free-range.ts'
import type { SubordinateEntry } from '../ids/subordinate-ids.ts'
import { defineCheck, describeProbe, ok, skip, warn } from './check.ts'
import type { Check, ProbeResult, Verdict } from './check.ts'
import type { Facts } from './facts.ts'
import { sudo } from './fixes.ts'
import { mountOf } from './mounts.ts'

const SINGLE = 'only one ID is mapped, so programs that switch to another user fail'

/** Judges the attempt to map subordinate IDs, by what could keep newuidmap and newgidmap from their rights. */
export function judgeIdMaps(facts: Facts, probe: ProbeResult): Verdict {
  if (facts.identity.uid === 0) return judgeRootMaps(probe)
  if (probe.ok) return ok('newuidmap and newgidmap map subordinate IDs')
  const programs = ['newuidmap', 'newgidmap'].map((name) => facts.programs[name])
  if (programs.includes(undefined))
    return warn(
      `newuidmap or newgidmap is not installed: ${SINGLE}`,
      installCommands(facts.distribution.family, UIDMAP_PACKAGE),
    )
  const paths = programs.flatMap((program) => program?.path ?? [])
  if (facts.status.noNewPrivs)
    return warn(`no_new_privs is set on this process: ${SINGLE}`, [
      'Start outside the sandbox that sets it (docker run without --security-opt no-new-privileges)',
    ])
  const nosuid = paths.map((path) => mountOf(facts.mounts, path)).find((mount) => mount?.options.includes('nosuid'))
  if (nosuid)
    return warn(`${paths[0]} is on a nosuid mount: ${SINGLE}`, [`${sudo(facts)}mount -o remount,suid ${nosuid.target}`])
  if (facts.subordinate.uids.length === 0 && !facts.hasOtherIdSource) return warn(`no subordinate IDs: ${SINGLE}`)
  if (programs.some((program) => program && (program.uid !== 0 || (program.mode & 0o4000) === 0)))
    return warn(`${paths.join(' and ')} have no rights (neither set-uid root nor file capabilities): ${SINGLE}`, [
      `${sudo(facts)}chown root ${paths.join(' ')} && ${sudo(facts)}chmod u+s ${paths.join(' ')}`,
    ])
  if (probe.untried) return skip(`Cannot try: ${probe.untried}`)
  return warn(`${describeProbe(probe)}: ${SINGLE}`)
}

/** Judges how many subordinate IDs the user has. */
export function judgeSubordinateIds(facts: Facts, maps: ProbeResult): Verdict {
  if (facts.identity.uid === 0) return ok('root takes its own ranges, or a free one')
  const [uids, gids] = [count(facts.subordinate.uids), count(facts.subordinate.gids)]
  if (uids + gids === 0 && facts.hasOtherIdSource)
    return maps.ok ? ok('from the name service (subid: in /etc/nsswitch.conf)') : warn('the name service gives none')
  const has = `${uids} user IDs in /etc/subuid, ${gids} group IDs in /etc/subgid`
  if (Math.min(uids, gids) >= FULL_COUNT - 1) return ok(has)
  const start = suggestStart([...facts.entries.uids, ...facts.entries.gids])
  const range = `${start}-${start + FULL_COUNT - 1}`
  const user = facts.identity.name ?? facts.identity.uid
  const effect = Math.min(uids, gids) === 0 ? SINGLE : 'images with higher IDs (65534 is nobody) fail'
  return warn(`${has}: ${effect}`, [`${sudo(facts)}usermod --add-subuids ${range} --add-subgids ${range} ${user}`])
}

/** Judges whether somebody else has some of the user's ranges, and so its containers' files. */
export function judgeOverlap(facts: Facts): Verdict {
  const { uid, name } = facts.identity
  const own = new Set([name, String(uid)])
  const others = (entries: readonly SubordinateEntry[]): SubordinateEntry[] =>
    entries.filter(({ owner }) => !own.has(owner))
  const shared = (['uids', 'gids'] as const).flatMap((kind) =>
    others(facts.entries[kind]).filter((entry) => facts.subordinate[kind].some((range) => overlaps(range, entry))),
  )
  if (facts.subordinate.uids.length === 0) return skip('No ranges in /etc/subuid')
  if (shared.length === 0) return ok("no other user has any of this user's ranges")
  const names = [...new Set(shared.map(({ owner }) => `"${owner}"`))].join(', ')
  return warn(`${names} may change the files of this user's containers: the ranges overlap`, [
    `Give each user a range of its own in /etc/subuid and /etc/subgid, first free ID: ${suggestStart([...facts.entries.uids, ...facts.entries.gids])}`,
  ])
}

/** The checks of ID mapping. */
export const idChecks: readonly Check[] = [
  defineCheck('id-maps', 'ID mapping', async ({ facts, probe }) => judgeIdMaps(facts, await probe('maps'))),
  defineCheck('subordinate-ids', 'Subordinate IDs', async ({ facts, probe }) =>
    judgeSubordinateIds(facts, await probe('maps')),
  ),
  defineCheck('id-overlap', 'Overlapping IDs', ({ facts }) => judgeOverlap(facts)),
]

function judgeRootMaps(probe: ProbeResult): Verdict {
  if (probe.ok) return ok('root writes the map itself, of IDs that are not its own')
  if (probe.untried) return skip(`Cannot try: ${probe.untried}`)
  if (probe.errno === undefined) return warn(`${describeProbe(probe)}: ${SINGLE}`)
  const fix = ['docker run --cap-add SETUID --cap-add SETGID --cap-add SETFCAP ...', 'Start as an ordinary user']
  return { ...warn(`${describeProbe(probe)}: root may not map other IDs here`, fix), status: 'fail' }
}

function count(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0)
}
