import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { pause } from '../../rootless/pause.ts'
import { readJson, writeAtomically } from '../network-record.ts'
import type { EgressProgram } from './egress-program.ts'

/** What a network's directory says of its way out, for all processes of the session. */
export interface EgressRecord {
  /** The process that looks after the program; 0: it gave up. */
  readonly pid: number
  readonly program: EgressProgram['name']
  /** The keeper's handle of the program; 0 until it was started. */
  readonly handle: number
  /** The program's; undefined until the network is prepared for it. */
  readonly subnet: string | undefined
  /** Differs for each process that looked after it, and each time. */
  readonly mark: string
}

/** @see claimEgress */
export interface EgressClaim {
  /** Whether this process has to look after the way out from now on. */
  readonly isOurs: boolean
  readonly record: EgressRecord
}

/** Milliseconds between looks at what another process is doing. */
const PAUSE = 5

/**
 * Finds who looks after a network's way out, or takes the task. Where another process is about to open it, that is waited for.
 *
 * @param isServed whether a program still runs
 */
export async function claimEgress(
  path: string,
  program: EgressProgram['name'],
  isServed: (handle: number) => Promise<boolean>,
): Promise<EgressClaim> {
  for (;;) {
    const record = readEgress(path)
    const own = { pid: process.pid, program, handle: 0, subnet: record?.subnet, mark: newMark() }
    if (!record) {
      if (take(path, JSON.stringify(own))) return { isOurs: true, record: own }
    } else if (isAlive(record.pid)) {
      if (record.handle > 0) return { isOurs: false, record }
    } else if (await isServed(record.handle)) {
      return { isOurs: false, record }
    } else if (take(`${path}.${record.mark}`, '')) {
      writeEgress(path, own)
      return { isOurs: true, record: own }
    }
    await pause(PAUSE)
  }
}

/** undefined: nobody wanted one yet. */
export function readEgress(path: string): EgressRecord | undefined {
  return readJson(path) as EgressRecord | undefined
}

export function writeEgress(path: string, record: EgressRecord): void {
  writeAtomically(path, JSON.stringify(record))
}

/** Leaves the task to whoever wants it next. */
export function abandonEgress(path: string): void {
  const record = readEgress(path)
  if (record?.subnet === undefined) rmSync(path, { force: true })
  else writeEgress(path, { ...record, pid: 0, mark: newMark() })
}

function newMark(): string {
  return randomBytes(6).toString('hex')
}

/** Of several that take the same, one gets it. */
function take(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
