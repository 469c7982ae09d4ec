import type { Facts } from './facts.ts'

/** What one check found. `warn`: something optional is missing; `fail`: containers cannot start. */
export interface CheckResult {
  readonly id: string
  readonly title: string
  readonly status: 'ok' | 'warn' | 'fail' | 'skip'
  readonly detail: string
  /** Exact commands, or lines of configuration, that mend it; alternatives one after another. */
  readonly fix?: readonly string[]
}

/** A {@link CheckResult} without the check's name. */
export type Verdict = Omit<CheckResult, 'id' | 'title'>

/** What was tried: user namespaces, ID maps, a fresh /proc in a new PID namespace, /dev/net/tun, /dev/fuse. */
export type ProbeName = 'userns' | 'maps' | 'proc' | 'tun' | 'fuse'

/** How trying went. */
export interface ProbeResult {
  readonly ok: boolean
  /** errno's name, `'EPERM'`. */
  readonly errno?: string | undefined
  /** The system call or file that failed. */
  readonly step?: string | undefined
  /** Why it could not be tried at all. */
  readonly untried?: string
}

/** The storage driver that was chosen by really mounting, and why. */
export interface OverlayProbe {
  readonly driver: string
  readonly reason: string
}

/** All that a check may use. */
export interface DoctorContext {
  readonly facts: Facts
  readonly probe: (name: ProbeName) => Promise<ProbeResult>
  /** Where airplant keeps what is on disk; need not exist. */
  readonly stateDirectory: string
  /** Path of the keeper's program, for profiles that name it. */
  readonly keeper?: string | undefined
  readonly probeOverlay?: (() => Promise<OverlayProbe>) | undefined
}

/** One thing that the doctor looks at. */
export interface Check {
  readonly id: string
  readonly title: string
  run(context: DoctorContext): Promise<CheckResult>
}

/** Makes a check from its judgement; one that throws is reported and does not end the others. */
export function defineCheck(
  id: string,
  title: string,
  judge: (context: DoctorContext) => Verdict | Promise<Verdict>,
): Check {
  return {
    id,
    title,
    async run(context) {
      try {
        return { id, title, ...(await judge(context)) }
      } catch (error) {
        return {
          id,
          title,
          status: 'skip',
          detail: `Cannot check: ${error instanceof Error ? error.message : String(error)}`,
        }
      }
    },
  }
}

/** Everything is as it should be. */
export function ok(detail: string): Verdict {
  return { status: 'ok', detail }
}

/** Something optional is missing. */
export function warn(detail: string, fix: readonly string[] = []): Verdict {
  return { status: 'warn', detail, ...(fix.length > 0 ? { fix } : {}) }
}

/** Containers cannot start. */
export function fail(detail: string, fix: readonly string[] = []): Verdict {
  return { ...warn(detail, fix), status: 'fail' }
}

/** It does not apply here, or could not be tried. */
export function skip(detail: string): Verdict {
  return { status: 'skip', detail }
}

/** `EPERM at clone3`, for details. */
export function describeProbe({ errno, step }: ProbeResult): string {
  return errno && step ? `${errno} at ${step}` : (errno ?? step ?? 'unknown error')
}
