import { readdirSync, readFileSync } from 'node:fs'
import type { Session } from '../../src/index.ts'

/** Processes of a session's keeper that forward: for published ports by default. */
export function forwardersOf(session: Session, name = 'airplant-ports'): number[] {
  const all = readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? [Number(entry)] : []))
  return all.filter((pid) => field(pid, 'Name') === name && descendsFrom(pid, session.keeperPid))
}

/** Memory that a process has in use, in bytes. */
export function residentBytes(pid: number): number {
  return Number(field(pid, 'VmRSS')) * 1024
}

/** The pid by which the keeper itself knows a process: it lives in a pid namespace of its own. */
export function pidInKeeper(hostPid: number): number {
  const namespaces = /^NSpid:\s*(.*)$/m.exec(statusOf(hostPid))?.[1]?.split('\t')
  return Number(namespaces?.at(-2))
}

function descendsFrom(pid: number, ancestor: number): boolean {
  for (let next = pid; next > 1; next = Number(field(next, 'PPid'))) if (next === ancestor) return true
  return false
}

function field(pid: number, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(statusOf(pid))?.[1]
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}
