import { isAirplantError } from '../../errors.ts'
import { connectionFailure } from './connection-failure.ts'
import { describeAnswer } from './describe-answer.ts'
import { header } from './header.ts'
import { refusal } from './refusal.ts'
import { parseRetryAfter } from './retry-after.ts'
import type { Try } from './retry.ts'
import type { HttpAnswer } from './transport.ts'

/** Longest that a registry may make us wait, ms. */
const LONGEST_WAIT = 60_000

/** Whether a status says that the same request may go well later. */
export function isPassing(status: number): boolean {
  return [408, 425, 429, 500, 502, 503, 504].includes(status)
}

/** A try that failed. */
export type FailedTry = Exclude<Try<never>, { done: never }>

/**
 * A try that got an answer with a passing status.
 *
 * @param who beginning of the reason: "it answered"
 * @throws {AirplantError} `ERR_RATE_LIMITED` when it asks to wait for too long
 */
export async function failedAnswer(answer: HttpAnswer, who: string): Promise<FailedTry> {
  const after = parseRetryAfter(header(answer.headers, 'retry-after'), Date.now())
  const reason = `${who} ${await describeAnswer(answer)}`
  if (after !== undefined && after > LONGEST_WAIT) {
    throw refusal('ERR_RATE_LIMITED', `${reason}, and asks to wait ${inWords(after)}`)
  }
  const code = answer.status === 429 ? 'ERR_RATE_LIMITED' : 'ERR_REGISTRY_ANSWER'
  return { failure: refusal(code, reason), after }
}

/**
 * A try whose connection threw.
 *
 * @throws what no later try would mend: the caller's abort, refusals, certificates that are not trusted
 */
export function failedConnection(error: unknown, who: string, signal?: AbortSignal): FailedTry {
  if (signal?.aborted || isAirplantError(error)) throw error
  const failure = connectionFailure(error, who)
  if (failure.code !== 'ERR_REGISTRY_UNREACHABLE') throw failure
  return { failure, isConnection: true }
}

function inWords(ms: number): string {
  const minutes = Math.ceil(ms / 60_000)
  return minutes < 120 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`
}
