import { homedir } from 'node:os'
import { join } from 'node:path'
import { idChecks } from './check-ids.ts'
import { limitChecks } from './check-limits.ts'
import { machineChecks } from './check-machine.ts'
import { networkChecks } from './check-network.ts'
import { storageChecks } from './check-storage.ts'
import { userNamespaceChecks } from './check-user-namespaces.ts'
import type { Check, CheckResult, DoctorContext, OverlayProbe, ProbeName, ProbeResult } from './check.ts'
import { gatherFacts } from './facts.ts'
import type { Facts } from './facts.ts'
import { probeMachine } from './probe.ts'

/** What {@link runDoctor} may be told; everything has a default of this machine. */
export interface DoctorOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Path of the keeper's program. Without it unshare(1) tries in its place. */
  readonly keeper?: string | undefined
  /** Default `${XDG_DATA_HOME:-~/.local/share}/airplant`. */
  readonly stateDirectory?: string
  /** Chooses a storage driver by really mounting; without it the storage driver is not checked. */
  readonly probeOverlay?: () => Promise<OverlayProbe>
  readonly facts?: Facts
}

/** Every check, in the order of the report. */
export const doctorChecks: readonly Check[] = [
  ...machineChecks,
  ...userNamespaceChecks,
  ...idChecks,
  ...storageChecks,
  ...networkChecks,
  ...limitChecks,
]

/**
 * Tries on this machine everything that containers need, all at once, each thing only once.
 *
 * @example
 * const results = await runDoctor({ keeper: await resolveKeeper(process.env) })
 * console.log(formatDoctor(results))
 */
export async function runDoctor(options: DoctorOptions = {}): Promise<CheckResult[]> {
  const context = makeContext(options)
  return Promise.all(doctorChecks.map((check) => check.run(context)))
}

/** Whether a check failed, so that containers cannot start: the command's exit code. */
export function hasFailed(results: readonly CheckResult[]): boolean {
  return results.some(({ status }) => status === 'fail')
}

function makeContext({ env = process.env, keeper, stateDirectory, probeOverlay, facts }: DoctorOptions): DoctorContext {
  const tried = new Map<ProbeName, Promise<ProbeResult>>()
  let overlay: Promise<OverlayProbe> | undefined
  return {
    facts: facts ?? gatherFacts('/', { env }),
    keeper,
    stateDirectory:
      stateDirectory ?? join(env.XDG_DATA_HOME ?? join(env.HOME ?? homedir(), '.local', 'share'), 'airplant'),
    probe(name) {
      const result = tried.get(name) ?? probeMachine(name, keeper, env)
      tried.set(name, result)
      return result
    },
    probeOverlay: probeOverlay && (() => (overlay ??= probeOverlay())),
  }
}
