import { constants } from 'node:os'
import type { PlanStep } from './protocol/describe-step.ts'
import { describeStep } from './protocol/describe-step.ts'

/** What an `error` frame says. */
export interface StepFailure {
  /** Index of the plan's step, -1 when the failure belongs to none. */
  readonly step: number
  /** Name of the step or action. */
  readonly what: string
  readonly errno: number
  /** A path, or the kernel's words; may be empty. */
  readonly detail: string
}

// errno.h has them, os.constants does not.
const missing = { EUSERS: 87, ELIBBAD: 80, ENOKEY: 126 }
const names = new Map(Object.entries({ ...missing, ...constants.errno }).map(([name, number]) => [number, name]))
// Two names for one number: the usual one.
names.set(constants.errno.EAGAIN, 'EAGAIN').set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP')

/** Name of an errno, `'ENOENT'`; `'errno 4000'` when it has none, `''` for 0. */
export function errnoName(errno: number): string {
  return errno === 0 ? '' : (names.get(errno) ?? `errno ${errno}`)
}

/**
 * The keeper refused a request, or a step of a plan failed. Internal: the layers above turn it into an AirplantError, because only
 * they know what the step was for.
 */
export class StepError extends Error implements StepFailure {
  readonly step: number
  readonly what: string
  readonly errno: number
  readonly errnoName: string
  readonly detail: string
  /** The step itself, when the plan is known. */
  readonly planStep: PlanStep | undefined

  constructor(failure: StepFailure, planStep?: PlanStep) {
    super(describeFailure(failure, planStep))
    this.step = failure.step
    this.what = failure.what
    this.errno = failure.errno
    this.errnoName = errnoName(failure.errno)
    this.detail = failure.detail
    this.planStep = planStep
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'StepError', writable: true, configurable: true })
  }
}

function describeFailure(failure: StepFailure, planStep: PlanStep | undefined): string {
  const reason = [errnoName(failure.errno), failure.detail].filter(Boolean).join(': ')
  const where = planStep ? ` (step ${failure.step}: ${describeStep(planStep)})` : ''
  return `"${failure.what}" failed${reason ? `: ${reason}` : ''}${where}`
}
