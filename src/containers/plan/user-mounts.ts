import * as kernel from '../../rootless/kernel-constants.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import { socketDirectories } from '../socket-directories.ts'
import type { PlanContext } from './context.ts'
import { openSource } from './sources.ts'

const SAFE = kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV

/** A mount that waits in a slot for its target. */
export interface WaitingMount {
  readonly slot: number
  readonly target: string
  readonly flags: number
}

/** Binds, volumes, directories of sockets and tmpfs of the options, parents before what is mounted inside them. */
export function openUserMounts(plan: Plan, context: PlanContext, kinds: ReadonlyMap<string, BindKind>): WaitingMount[] {
  const { spec } = context
  const binds = spec.binds.map(({ source, target, readOnly }, index) => {
    const slot = plan.slot()
    const attributes = SAFE | (readOnly ? kernel.MOUNT_ATTR_RDONLY : 0)
    openSource(plan, slot, { path: source, use: `bind ${index}`, attributes }, context)
    const isFile = kinds.get(source) === 'file'
    return { slot, target, flags: isFile ? kernel.ATTACH_MAKE_FILE : kernel.ATTACH_MAKE_DIRECTORY }
  })
  const volumes = context.volumes.map(({ path, target, readOnly }) => {
    const slot = plan.slot()
    plan.openTree(slot, path, kernel.TREE_CLONE | kernel.TREE_DIRECTORY)
    plan.setAttributes(slot, SAFE | (readOnly ? kernel.MOUNT_ATTR_RDONLY : 0), 0, false)
    return { slot, target, flags: kernel.ATTACH_MAKE_DIRECTORY }
  })
  const sockets = socketDirectories(context.scratch, spec.sockets).map(({ path, target }) => {
    const slot = plan.slot()
    // Whoever the server is in the container makes its sockets there, and may take the directory over.
    plan.hostMkdir(path, 0o1777).openTree(slot, path, kernel.TREE_CLONE | kernel.TREE_DIRECTORY)
    plan.setAttributes(slot, SAFE | kernel.MOUNT_ATTR_NOEXEC, 0, false)
    return { slot, target, flags: kernel.ATTACH_MAKE_DIRECTORY }
  })
  const tmpfs = spec.tmpfs.map(({ target, size, mode }) => {
    const slot = plan.slot()
    const options = [`mode=${mode.toString(8)}`, ...(size === undefined ? [] : [`size=${size}`])]
    plan.newMount(slot, 'tmpfs', options, SAFE)
    return { slot, target, flags: kernel.ATTACH_MAKE_DIRECTORY }
  })
  return [...binds, ...volumes, ...sockets, ...tmpfs].sort((a, b) => depth(a.target) - depth(b.target))
}

/** What a bind's source is: decides whether a missing target is made as a file or a directory. */
export type BindKind = 'file' | 'directory'

function depth(path: string): number {
  return path.split('/').filter(Boolean).length
}
