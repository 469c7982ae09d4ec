import { readdirSync, readFileSync } from 'node:fs'

/** Memory of some processes, in KiB. */
export interface Memory {
  readonly processes: number
  /** Each shared page divided among its users; undefined when the kernel does not let us look. */
  readonly pss: number | undefined
  /** What is these processes' own, at most: anonymous memory. */
  readonly anonymous: number
}

/** A process and all below it. */
export function processTree(root: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map(pids.map((pid) => [Number(pid), parentOf(pid)]))
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 0; at = parents.get(at))
      if (at === root) return true
    return false
  }
  return [...parents.keys()].filter(isBelow)
}

export function memoryOf(pids: readonly number[]): Memory {
  const rollups = pids.map((pid) => fieldOf(pid, 'smaps_rollup', 'Pss'))
  const known = rollups.every((value) => value !== undefined)
  const anonymous = pids.map((pid) => fieldOf(pid, 'status', 'RssAnon') ?? 0)
  return { processes: pids.length, pss: known ? sum(rollups) : undefined, anonymous: sum(anonymous) }
}

function parentOf(pid: string): number {
  // The name may hold spaces and parentheses; what follows the last one does not.
  const stat = readText(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
}

function fieldOf(pid: number, file: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readText(`/proc/${pid}/${file}`))
  return match ? Number(match[1]) : undefined
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // It has ended, or is not ours to look at.
  }
}

function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0)
}
