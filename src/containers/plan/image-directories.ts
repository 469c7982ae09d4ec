import * as kernel from '../../rootless/kernel-constants.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import type { PlanContext } from './context.ts'

/**
 * What an image counts on and may lack: its working directory, and a directory for each volume that it declares. They are made after the
 * root was entered, so that no link in an image can make one outside (CVE-2026-55686), and in the container's own layer, so that a
 * snapshot has what is written there.
 */
export function makeImageDirectories(plan: Plan, { spec }: PlanContext): void {
  if (spec.root === 'host' || !spec.root.image) return
  for (const path of spec.imageVolumes) {
    plan.mkdir(path, 0o755, 0, 0)
    if (spec.readOnly) keepWritable(plan, path)
  }
  if (spec.workdir !== '/') plan.mkdir(spec.workdir, 0o755, 0, 0)
}

/** A mount of its own stays as it is when the root becomes read-only: docker's volumes do. */
function keepWritable(plan: Plan, path: string): void {
  const slot = plan.slot()
  plan.openTree(slot, path, kernel.TREE_CLONE).attach(slot, path, kernel.ATTACH_NOT_KERNELS)
}
