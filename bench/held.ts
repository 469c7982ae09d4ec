import { readFileSync, statSync } from 'node:fs'
import { processTree } from './process-tree.ts'

/** What the kernel keeps for some processes. */
export interface Held {
  readonly processes: number
  /** This process's among them; a namespace that no process is in is held by one. Undefined before Linux 6.2. */
  readonly descriptors: number | undefined
  /** Network interfaces beside the host's, as each process sees them: a veth is there as long as the namespace of its other end. */
  readonly interfaces: number
}

/** Counts what a process, all below it and this one hold, from those parts of /proc that the keeper's owner may read too. */
export function heldBy(root: number): Held {
  const pids = processTree(root)
  const host = interfacesOf(process.pid).join()
  const descriptors = [...pids, process.pid].map(descriptorsOf)
  return {
    processes: pids.length,
    descriptors: descriptors.some((count) => count === 0) ? undefined : sum(descriptors),
    interfaces: sum(pids.map(interfacesOf).map((names) => (names.join() === host ? 0 : names.length))),
  }
}

export function heldText({ processes, descriptors, interfaces }: Held): string {
  return `${processes} processes, ${descriptors ?? 'unknown'} descriptors, ${interfaces} network interfaces`
}

/** The keeper's descriptors may not be looked at, but they are counted as the size of their directory. */
function descriptorsOf(pid: number): number {
  return statSync(`/proc/${pid}/fd`, { throwIfNoEntry: false })?.size ?? 0
}

function interfacesOf(pid: number): string[] {
  try {
    return [...readFileSync(`/proc/${pid}/net/dev`, 'utf8').matchAll(/^\s*(\S+):/gm)].map(([, name = '']) => name)
  } catch {
    return [] // It has ended.
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
