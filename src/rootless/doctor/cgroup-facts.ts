import { join } from 'node:path'
import type { Mount } from './mounts.ts'

/** The control groups of this process. */
export interface CgroupFacts {
  /** `unified`: version 2 only. `hybrid`: version 2 beside version 1, usually without controllers. */
  readonly mode: 'unified' | 'hybrid' | 'v1' | 'none'
  /** Own directory in the version 2 tree, `/sys/fs/cgroup/user.slice/...`. */
  readonly directory: string | undefined
  readonly controllers: readonly string[]
  /** Controllers that systemd delegated to the user's own manager. */
  readonly managerControllers: readonly string[]
}

/** Reads which kind of control groups there is, from /proc/self/cgroup and the mounts. */
export function readCgroup(read: (path: string) => string, mounts: readonly Mount[], uid: number): CgroupFacts {
  const mode = findMode(mounts)
  const top = mounts.find(({ type, target }) => type === 'cgroup2' && target.startsWith('/sys/fs/cgroup'))?.target
  const own = /^0::(.*)$/m.exec(read('proc/self/cgroup'))?.[1]
  const directory = top !== undefined && own !== undefined ? join(top, own) : undefined
  const manager = `/sys/fs/cgroup/user.slice/user-${uid}.slice/user@${uid}.service`
  const controllers = (path: string): string[] => read(join(path, 'cgroup.controllers')).split(/\s+/).filter(Boolean)
  return {
    mode,
    directory,
    controllers: directory === undefined ? [] : controllers(directory),
    managerControllers: mode === 'unified' ? controllers(manager) : [],
  }
}

function findMode(mounts: readonly Mount[]): CgroupFacts['mode'] {
  const below = mounts.filter(({ target }) => target.startsWith('/sys/fs/cgroup'))
  if (below.some(({ target, type }) => target === '/sys/fs/cgroup' && type === 'cgroup2')) return 'unified'
  if (below.some(({ type }) => type === 'cgroup2')) return 'hybrid'
  return below.some(({ type }) => type === 'cgroup') ? 'v1' : 'none'
}
