import * as kernel from '../../rootless/kernel-constants.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import type { PlanContext } from './context.ts'
import { planOverlay } from './root-plan.ts'
import { openSource } from './sources.ts'

const READ_ONLY = kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV

// What a fresh machine would have empty. /run holds the sockets of D-Bus, Docker and agents, /tmp those of everybody else.
const FRESH = [
  ['/tmp', 0o1777],
  ['/var/tmp', 0o1777],
  ['/run', 0o755],
  ['/root', 0o700],
  ['/home', 0o755],
] as const

/** Slots that the host image needs besides its root; opened before the root is entered. */
export interface HostImageMounts {
  readonly scratch: number
  readonly cwd: number | undefined
  readonly node: number | undefined
}

export function openHostImage(plan: Plan, context: PlanContext): HostImageMounts {
  const { host, scratch, driver } = context
  const mounts = { scratch: plan.slot(), cwd: undefined as number | undefined, node: undefined as number | undefined }
  plan.newMount(mounts.scratch, 'tmpfs', ['mode=755'], kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV)
  if (host.cwd !== undefined) {
    mounts.cwd = plan.slot()
    if (driver === 'overlay' && !context.tokens.has('cwd')) {
      planOverlay(plan, mounts.cwd, { lowers: [host.cwd], mode: 0o755 }, `${scratch}/cwd`)
    } else {
      // Copying a project with its node_modules for every container would take longer than any test; and what real root opened is
      // out of the overlay's reach.
      openSource(plan, mounts.cwd, { path: host.cwd, use: 'cwd', attributes: READ_ONLY }, context)
    }
  }
  if (isCovered(host.nodeDirectory, host.hidden)) {
    mounts.node = plan.slot()
    openSource(plan, mounts.node, { path: host.nodeDirectory, use: 'node', attributes: READ_ONLY }, context)
  }
  return mounts
}

/**
 * Covers what must not be seen, then shows again what may be. One tmpfs serves all the fresh directories, because each file system of
 * its own costs more than the clone of a directory; it waits at /dev, which is covered afterwards. Gives the slots of the covers.
 */
export function coverHostImage(plan: Plan, mounts: HostImageMounts, { host }: PlanContext): number[] {
  plan.attach(mounts.scratch, '/dev', kernel.ATTACH_NO_LINK)
  const others = host.hidden.filter((path) => !FRESH.some(([fresh]) => contains(fresh, path)))
  const covers = [...FRESH, ...others.map((path) => [path, 0o755] as const)]
  return covers.map(([path, mode], index) => {
    const slot = plan.slot()
    plan.subtree(slot, mounts.scratch, `${index}`, mode).attach(slot, path, kernel.ATTACH_OPTIONAL)
    return slot
  })
}

/** After the files were placed: also what is writable of the host image. */
export function closeHostImage(plan: Plan, { cwd }: HostImageMounts, covers: readonly number[]): void {
  for (const slot of cwd === undefined ? covers : [...covers, cwd]) {
    plan.setAttributes(slot, kernel.MOUNT_ATTR_RDONLY, 0, false)
  }
}

/** After /dev was attached: the working directory and Node, on top of whatever covers them. */
export function showInHostImage(plan: Plan, mounts: HostImageMounts, { host }: PlanContext): void {
  if (mounts.node !== undefined) plan.attach(mounts.node, host.nodeDirectory, kernel.ATTACH_MAKE_DIRECTORY)
  if (mounts.cwd !== undefined && host.cwd) plan.attach(mounts.cwd, host.cwd, kernel.ATTACH_MAKE_DIRECTORY)
}

/** Whether a path is inside one of the fresh or hidden directories. */
export function isCovered(path: string, hidden: readonly string[]): boolean {
  return FRESH.some(([fresh]) => contains(fresh, path)) || hidden.some((cover) => contains(cover, path))
}

/** Whether `path` is the directory or below it. */
export function contains(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}
