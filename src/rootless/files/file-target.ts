import { join } from 'node:path'
import type { SpawnRequest } from '../keeper-client.ts'
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID } from '../kernel-constants.ts'
import { Plan } from '../protocol/plan.ts'

/** What a file worker works on. */
export type FileTarget =
  /** A directory of the host's, with what is mounted below it left out. */
  | { readonly kind: 'directory'; readonly path: string }
  /** An overlay of directories, top first; read-only without an upper one. */
  | { readonly kind: 'overlay'; readonly lowers: readonly string[]; readonly upper?: string; readonly work?: string }
  /** The root of a running container with all its mounts, by the handle of its process. */
  | { readonly kind: 'process'; readonly handle: number }

/** The process that serves the target's files on a socket in the session directory. */
export function spawnFor(target: FileTarget, socket: string): SpawnRequest {
  const plan = new Plan()
  const listener = plan.slot()
  plan.listen(listener, socket)
  if (target.kind === 'process') return { kind: 'visitor', target: target.handle, plan: plan.files(listener) }
  const root = plan.slot()
  if (target.kind === 'directory') {
    const { clone, directory } = treeFlags
    plan.openTree(root, target.path, clone + directory).setAttributes(root, attributes, 0, false)
  } else {
    mountOverlay(plan, root, target)
  }
  return { kind: 'helper', plan: plan.enterRoot(root).files(listener) }
}

// Not only a container's upper was volatile: unmounting another would wait until all of its file system is on the disk. The mark that such a
// mount leaves behind makes the kernel refuse the next one.
function mountOverlay(plan: Plan, slot: number, target: FileTarget & { kind: 'overlay' }): void {
  const { lowers, upper = '', work = '' } = target
  if (work) plan.hostRemove(join(work, 'work', 'incompat'))
  plan.overlay(slot, lowers, upper, work, upper ? ['userxattr', 'volatile'] : ['userxattr'], attributes)
}

const treeFlags = { clone: 1, directory: 4 }
const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV
