import type { AirplantError } from '../../errors.ts'
import { pause } from '../../rootless/pause.ts'

/** Something failed and is tried again. */
export interface Retry {
  readonly reason: string
  /** Milliseconds until then. */
  readonly delay: number
}

/** How often something is tried, and who hears of it. */
export interface RetryOptions {
  /** @default 5 */
  readonly tries?: number | undefined
  /** How often where no connection came about, for there may be others to ask. @default `tries` */
  readonly connectionTries?: number | undefined
  /** Milliseconds before the second try; twice as many before each later one. @default 200 */
  readonly firstDelay?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: ((retry: Retry) => void) | undefined
}

/** How a try ended: with a result, or with what may go better next time. */
export type Try<T> =
  | { readonly done: T }
  | {
      readonly failure: AirplantError
      /** Milliseconds that the registry asks to wait. */
      readonly after?: number | undefined
      /** There was no answer at all. */
      readonly isConnection?: boolean
    }

/** Tries something again and again with growing pauses. What it throws is final; a failure that it returns is thrown after the last try. */
export async function withRetries<T>(options: RetryOptions, attempt: () => Promise<Try<T>>): Promise<T> {
  const { tries = 5, connectionTries = tries, firstDelay = 200, signal, onRetry } = options
  for (let count = 1; ; count++) {
    const result = await attempt()
    if ('done' in result) return result.done
    const { failure, after, isConnection } = result
    if (count >= (isConnection ? connectionTries : tries)) throw failure
    const delay = Math.round(after ?? backOff(count, firstDelay))
    onRetry?.({ reason: failure.detail ?? failure.message, delay })
    await pause(delay, signal)
  }
}

/** Milliseconds before the next try: random within the upper half, so that many clients do not come back at once. */
export function backOff(count: number, firstDelay = 200): number {
  return Math.min(firstDelay * 2 ** (count - 1), 10_000) * (0.5 + Math.random() / 2)
}
