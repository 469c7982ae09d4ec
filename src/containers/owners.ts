import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../errors.ts'
import { containerId } from '../rootless/ids/id-mapping.ts'
import { Plan } from '../rootless/protocol/plan.ts'
import type { Session } from '../rootless/session.ts'

const MOST = 64

/**
 * Files of a root whose owner is outside the ID mapping would be nobody's in the container, and every program that wants to own them
 * would fail in its own way: they are found first and named.
 *
 * @throws {AirplantError} `ERR_UNMAPPED_OWNER`, `ERR_SOURCE_MISSING`
 */
export async function checkOwners(session: Session, rootfs: string): Promise<void> {
  const plan = new Plan().scanOwners(rootfs, MOST)
  const scan = await session.client.spawn({ kind: 'helper', attached: true, plan })
  const { stdout, exitCode } = await scan.collect()
  if (exitCode !== 0) return
  const foreign = stdout
    .toString()
    .split('\0')
    .filter(Boolean)
    .flatMap((path) => describeForeign(session, join(rootfs, path)))
  if (foreign.length === 0) return
  throw new AirplantError({
    code: 'ERR_UNMAPPED_OWNER',
    phase: 'create',
    image: rootfs,
    message: `Cannot use "${rootfs}" as a root: ${foreign.length === MOST ? 'many' : foreign.length} of its files belong to IDs that are not mapped, such as ${foreign.slice(0, 3).join(', ')}`,
    hint: remedy(session),
  })
}

// In the keeper's namespace every unmapped owner looks like the overflow ID, which may also be a mapped one: only the host knows.
function describeForeign(session: Session, path: string): string[] {
  const { uids, gids } = session.mapping
  try {
    const { uid, gid } = lstatSync(path)
    const mapped = containerId(uids, uid) !== undefined && containerId(gids, gid) !== undefined
    return mapped ? [] : [`"${path}" (${uid}:${gid})`]
  } catch {
    return []
  }
}

function remedy({ mapping }: Session): string {
  const [first] = mapping.uids
  const owner = `${first?.outside ?? 0}`
  return mapping.method === 'single'
    ? `Give them to yourself: sudo chown -Rh ${owner}:${mapping.rootGid} <root>; several owners need newuidmap ("airplant doctor")`
    : `Make the root as yourself, or move its owners into your range: container root is ${owner}, other IDs start at ${mapping.uids[1]?.outside ?? 'nothing'}`
}
