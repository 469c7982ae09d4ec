import { loopbackBatch } from '../../networks/loopback.ts'
import { beyondDefault } from '../../rootless/capabilities.ts'
import { CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS } from '../../rootless/kernel-constants.ts'
import type { Extent } from '../../rootless/ids/id-mapping.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import type { PlanContext } from './context.ts'

// The process limit: its counter is per user namespace since Linux 5.14.
const RLIMIT_NPROC = 6

/** The user of a single-ID container that is not root, as numbers. */
export interface SingleUser {
  readonly uid: number
  readonly gid: number
}

/** Why a container needs a user namespace of its own inside the keeper's. */
export function needsNestedUser({ spec, mapping }: PlanContext, single: SingleUser | undefined): boolean {
  const limited = spec.rlimits.some(({ resource }) => resource === RLIMIT_NPROC)
  return (single !== undefined && mapping.method === 'single') || beyondDefault(spec.capabilities) || limited
}

/**
 * The nested user namespace, after mounts and pivot. Granted capabilities then have power over nothing of the keeper's: the mounts are
 * copied (and locked) and the network namespace is a new one. A process limit counts per user namespace, so it needs one too. A
 * single-ID container whose user is not root gets that user mapped onto the only ID there is.
 */
export function nestUser(plan: Plan, context: PlanContext, single: SingleUser | undefined): void {
  if (!needsNestedUser(context, single)) return
  const { spec, mapping, networking } = context
  const own = beyondDefault(spec.capabilities)
  const network = own && networking.mode === 'none' ? CLONE_NEWNET : 0
  const uids = single ? `${single.uid} 0 1` : identity(mapping.uids)
  const gids = single ? `${single.gid} 0 1` : identity(mapping.gids)
  plan.nestUser(uids, gids, own ? CLONE_NEWNS | CLONE_NEWUTS | network : 0)
  if (network) loopbackBatch().addTo(plan)
}

// A line may not span two extents of the parent's map, so every extent is repeated.
function identity(extents: readonly Extent[]): string {
  return extents.map(({ inside, count }) => `${inside} ${inside} ${count}`).join('\n')
}
