import type { Verdict } from './verdict.ts'

/** A seccomp profile in the form that `compileSeccomp` takes; `parseSeccompProfile` makes one of OCI's or Docker's JSON. */
export interface SeccompProfile {
  /** For every system call that no rule decides. */
  readonly defaultVerdict: Verdict
  /** Whether 32-bit programs may run on x86-64, by the same rules. Otherwise all their calls fail with ENOSYS. */
  readonly i386: boolean
  readonly rules: readonly SeccompRule[]
}

/** A verdict for system calls by name. Names that the machine does not have are ignored, as in Docker. */
export interface SeccompRule {
  readonly names: readonly string[]
  readonly verdict: Verdict
  /** All must hold; but when an argument is named twice, one is enough (runc's reading, runc issue 2735). */
  readonly args?: readonly ArgumentCondition[]
  /** The rule counts only when all of this holds. */
  readonly includes?: RuleFilter
  /** The rule does not count when any of this holds. */
  readonly excludes?: RuleFilter
}

/** Where a rule counts. */
export interface RuleFilter {
  /** Capabilities as `CAP_SYS_ADMIN`. */
  readonly caps?: readonly string[]
  /** Processors by Go's names, as in Docker's profiles: `amd64`, `arm64`. */
  readonly arches?: readonly string[]
  /** Kernel version as `5.11`. */
  readonly minKernel?: string
}

export type ArgumentOperator = 'EQ' | 'NE' | 'LT' | 'LE' | 'GE' | 'GT' | 'MASKED_EQ'

/** A comparison of one argument, as an unsigned 64-bit number. */
export interface ArgumentCondition {
  /** 0 to 5. */
  readonly index: number
  readonly op: ArgumentOperator
  /** The number compared with; the mask for `MASKED_EQ`. */
  readonly value: bigint
  /** What the masked argument must equal; only for `MASKED_EQ`, 0 when missing. */
  readonly valueTwo?: bigint
}
