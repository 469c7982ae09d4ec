import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { processTree } from './process-tree.ts'

/** What the kernel keeps for some processes. */
export interface Held {
  readonly processes: number
  /** This process's among them. */
  readonly descriptors: number
  /** Network namespaces beside the host's, of processes or held by a descriptor. */
  readonly namespaces: number
  /** Network interfaces in the namespaces that a process is in; every loopback among them. */
  readonly interfaces: number
}

/** Counts from /proc what a process, all below it and this one hold. */
export function heldBy(root: number): Held {
  const pids = processTree(root)
  const own = namespaceOf(process.pid)
  const byNamespace = new Map(pids.map((pid) => [namespaceOf(pid), pid]))
  for (const gone of [own, '']) byNamespace.delete(gone)
  const descriptors = [...pids, process.pid].map(descriptorsOf)
  const open = descriptors.flat().filter((target) => target.startsWith('net:[') && target !== own)
  return {
    processes: pids.length,
    descriptors: descriptors.flat().length,
    namespaces: new Set([...byNamespace.keys(), ...open]).size,
    interfaces: [...byNamespace.values()].reduce((sum, pid) => sum + interfacesOf(pid), 0),
  }
}

export function heldText({ processes, descriptors, namespaces, interfaces }: Held): string {
  return `${processes} processes, ${descriptors} descriptors, ${namespaces} network namespaces, ${interfaces} interfaces`
}

function namespaceOf(pid: number): string {
  return linkOf(`/proc/${pid}/ns/net`)
}

function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`
  try {
    return readdirSync(directory).map((name) => linkOf(`${directory}/${name}`))
  } catch {
    return [] // It has ended.
  }
}

function interfacesOf(pid: number): number {
  try {
    // Two lines of headings, then one of each.
    return readFileSync(`/proc/${pid}/net/dev`, 'utf8').trim().split('\n').length - 2
  } catch {
    return 0
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
