import type { Plan } from '../../rootless/protocol/plan.ts'
import * as kernel from '../../rootless/kernel-constants.ts'
import type { LayeredRoot } from '../spec.ts'
import type { PlanContext } from './context.ts'

const CLONED = kernel.TREE_CLONE | kernel.TREE_RECURSIVE

/** Puts the root file system into a slot: a read-only clone of the host's, or a writable layer over directories. */
export function planRoot(plan: Plan, context: PlanContext): number {
  const { spec, scratch, driver } = context
  const slot = plan.slot()
  if (spec.root === 'host') {
    plan.openTree(slot, '/', CLONED)
    plan.setAttributes(slot, kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV, 0, true)
  } else if (driver === 'overlay') {
    planOverlay(plan, slot, spec.root, `${scratch}/root`)
  } else {
    // Another process put the root there: fuse-overlayfs mounts it, cp copied it.
    if (driver === 'fuse-overlayfs') plan.waitMount(`${scratch}/merged`, kernel.FUSE_SUPER_MAGIC, 10_000)
    plan.openTree(slot, driver === 'copy' ? `${scratch}/copy` : `${scratch}/merged`, CLONED)
    plan.setAttributes(slot, kernel.MOUNT_ATTR_NODEV, 0, false)
  }
  return slot
}

/**
 * An overlay with its upper and work directories under `base`. The merged root has the upper directory's mode. Who keeps the upper
 * directory makes sure that it is on disk: volatile.
 */
export function planOverlay(
  plan: Plan,
  slot: number,
  { lowers, mode }: Pick<LayeredRoot, 'lowers' | 'mode'>,
  base: string,
): void {
  const [upper, work] = [`${base}.upper`, `${base}.work`]
  plan.hostMkdir(upper, mode).hostMkdir(work, 0o700)
  plan.overlay(slot, lowers, upper, work, ['userxattr', 'volatile'], kernel.MOUNT_ATTR_NODEV)
}
