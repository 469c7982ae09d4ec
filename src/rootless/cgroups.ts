import { accessSync, constants, existsSync, readdirSync, readFileSync, rmdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'

const CGROUP2_SUPER_MAGIC = 0x63677270

/** Name of the control group of a container, telling whose it is when nobody cleaned it up. */
export function cgroupName(session: string, container: string): string {
  return `airplant-${session}-${container}`
}

/**
 * The control group in which containers may have theirs: this process's own, where it is cgroup v2 and delegated to this user.
 * Undefined elsewhere; then pausing works by signals.
 */
export function delegatedCgroup(mount = '/sys/fs/cgroup', self = '/proc/self/cgroup'): string | undefined {
  try {
    if (statfsSync(mount).type !== CGROUP2_SUPER_MAGIC) return undefined
    const path = /^0::(\/.*)$/m.exec(readFileSync(self, 'utf8'))?.[1]
    if (path === undefined || path.includes('/../')) return undefined
    const directory = join(mount, path)
    accessSync(directory, constants.W_OK)
    // Moving a process needs this right at the common ancestor, which is this group itself.
    accessSync(join(directory, 'cgroup.procs'), constants.W_OK)
    return directory
  } catch {
    return undefined
  }
}

/** How many processes of a control group the kernel killed for want of memory; undefined where nothing counts them. */
export function readOomKills(directory: string | undefined): number | undefined {
  if (directory === undefined) return undefined
  try {
    const events = readFileSync(join(directory, 'memory.events'), 'latin1')
    const count = /^oom_kill (\d+)$/m.exec(events)?.[1]
    return count === undefined ? undefined : Number(count)
  } catch {
    return undefined
  }
}

/** Removes what killed keepers left: empty groups whose session directory is gone. A keeper that ends by itself removes its own. */
export function sweepCgroups(parent: string, sessions: string): void {
  try {
    for (const name of readdirSync(parent)) {
      const session = /^airplant-([0-9a-f]+)-[0-9a-f]+$/.exec(name)?.[1]
      if (session !== undefined && !existsSync(join(sessions, session))) removeEmpty(join(parent, name))
    }
  } catch {
    // Nothing depends on it.
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // Busy: some process still lives there.
  }
}
