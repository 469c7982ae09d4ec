import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** One process as /proc shows it; what may not be read is empty. */
export interface ProcessOnHost {
  pid: number
  parent: number
  uid: number
  command: string
  environment: string
  /** Targets of its descriptors, `socket:[inode]` and `net:[inode]` among them; of interest where they can be read. */
  descriptors: readonly string[]
  /** `mnt:[inode]`, `net:[inode]`, `pid:[inode]` and `user:[inode]`. */
  namespaces: readonly string[]
}

const namespaceKinds = ['mnt', 'net', 'pid', 'user']

export function processesOnHost(): ProcessOnHost[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOnHost(Number(name)) ?? [])
}

/** Undefined when it has ended, or is a zombie: that holds nothing. */
function processOnHost(pid: number): ProcessOnHost | undefined {
  const status = read(`/proc/${pid}/status`)
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1]
  const state = field('State')
  if (state === undefined || state === 'Z' || state === 'X') return undefined
  return {
    pid,
    parent: Number(field('PPid')),
    uid: Number(field('Uid')),
    command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim(),
    environment: read(`/proc/${pid}/environ`),
    descriptors: descriptorsOf(pid),
    namespaces: namespaceKinds.flatMap((kind) => link(`/proc/${pid}/ns/${kind}`)),
  }
}

/** The same processes with all that descend from them. */
export function withDescendants(first: readonly ProcessOnHost[], all: readonly ProcessOnHost[]): ProcessOnHost[] {
  const pids = new Set(first.map(({ pid }) => pid))
  for (let size = 0; size !== pids.size;) {
    size = pids.size
    for (const { pid, parent } of all) if (pids.has(parent)) pids.add(pid)
  }
  return all.filter(({ pid }) => pids.has(pid))
}

/** A process, its parent, and so on up to pid 1 or what cannot be seen. */
export function ancestry(pid: number, all: readonly ProcessOnHost[]): ProcessOnHost[] {
  const found: ProcessOnHost[] = []
  for (let next = all.find((each) => each.pid === pid); next;) {
    found.push(next)
    const { parent } = next
    next = all.find((each) => each.pid === parent)
  }
  return found
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => link(`/proc/${pid}/fd/${fd}`))
  } catch {
    return []
  }
}

function link(path: string): string[] {
  try {
    return [readlinkSync(path)]
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
