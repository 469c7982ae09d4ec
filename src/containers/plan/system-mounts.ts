import * as kernel from '../../rootless/kernel-constants.ts'
import { maskedPaths, readOnlyPaths } from '../../rootless/masked-paths.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import type { PlanContext } from './context.ts'

const {
  MOUNT_ATTR_NODEV: NODEV,
  MOUNT_ATTR_NOEXEC: NOEXEC,
  MOUNT_ATTR_NOSUID: NOSUID,
  MOUNT_ATTR_RDONLY: RDONLY,
} = kernel
const TTY_GROUP = 5

/** Slots of the kernel's file systems, made before the root is entered: /proc can only be mounted where one is visible already. */
export interface SystemMounts {
  readonly proc: number
  readonly sys: number
  readonly dev: number
  readonly pts: number
  readonly shm: number
  readonly mqueue: number
  readonly null: number
  readonly empty: number
}

export function openSystemMounts(plan: Plan, context: PlanContext): SystemMounts {
  const { spec, work, networking } = context
  const slot = (): number => plan.slot()
  const mounts = {
    proc: slot(),
    sys: slot(),
    dev: slot(),
    pts: slot(),
    shm: slot(),
    mqueue: slot(),
    null: slot(),
    empty: slot(),
  }
  plan.newMount(mounts.proc, 'proc', [], NOSUID | NODEV | NOEXEC)
  if (networking.mode === 'host') {
    // A fresh sysfs shows the network namespace that one owns, and the host's is not ours.
    plan.openTree(mounts.sys, '/sys', kernel.TREE_CLONE | kernel.TREE_RECURSIVE)
    plan.setAttributes(mounts.sys, RDONLY | NOSUID | NODEV | NOEXEC, 0, true)
  } else {
    plan.newMount(mounts.sys, 'sysfs', [], RDONLY | NOSUID | NODEV | NOEXEC)
  }
  plan.openTree(mounts.dev, `${work}/dev`, kernel.TREE_CLONE | kernel.TREE_RECURSIVE)
  plan.newMount(mounts.pts, 'devpts', ptsOptions(context), NOSUID | NOEXEC)
  plan.newMount(mounts.shm, 'tmpfs', ['mode=1777', `size=${spec.shmSize}`], NOSUID | NODEV | NOEXEC)
  plan.newMount(mounts.mqueue, 'mqueue', [], NOSUID | NODEV | NOEXEC)
  plan.openTree(mounts.null, `${work}/null`, kernel.TREE_CLONE)
  plan.openTree(mounts.empty, `${work}/empty`, kernel.TREE_CLONE)
  return mounts
}

// With a single-ID map there is no group 5.
function ptsOptions({ mapping }: PlanContext): string[] {
  const group = mapping.gids.some(({ inside, count }) => TTY_GROUP >= inside && TTY_GROUP < inside + count)
  return ['newinstance', 'ptmxmode=0666', 'mode=0620', ...(group ? [`gid=${TTY_GROUP}`] : [])]
}

/** After the root was entered: attaches them. A link in their place would take what is masked elsewhere, so it is refused. */
export function attachSystemMounts(plan: Plan, mounts: SystemMounts, context: PlanContext): void {
  const place = kernel.ATTACH_MAKE_DIRECTORY | kernel.ATTACH_NO_LINK
  plan.attach(mounts.proc, '/proc', place).attach(mounts.sys, '/sys', place).attach(mounts.dev, '/dev', place)
  plan.attach(mounts.pts, '/dev/pts', 0).attach(mounts.shm, '/dev/shm', 0).attach(mounts.mqueue, '/dev/mqueue', 0)
  const hidden =
    context.networking.mode === 'host' ? ['/sys/fs/cgroup', '/sys/kernel/security', '/sys/kernel/debug'] : []
  plan.mask(mounts.null, mounts.empty, [...maskedPaths(context.host.cpus), ...hidden])
  plan.readonly(readOnlyPaths)
}
