import { clearTimer, setTimer } from '../../rootless/clock.ts'

/** A resolver, and for how long it is waited for. */
export interface Asked {
  /** IPv4 or IPv6 literal. */
  readonly address: string
  readonly port: number
  /** Milliseconds. */
  readonly timeout: number
  /** Ends the waiting, and closes the socket. */
  readonly signal: AbortSignal
}

/** Takes the answer, or nothing when there will be none; only the first call counts. */
export type Settle = (answer?: Buffer) => void

/**
 * Waits for what a socket is told, and closes it then.
 *
 * @param ask opens the socket, sends the query, and gives what closes the socket
 * @returns undefined when there is no answer in time
 */
export function answerWithin(
  { timeout, signal }: Pick<Asked, 'timeout' | 'signal'>,
  ask: (settle: Settle) => () => void,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let isSettled = false
    const settle: Settle = (answer) => {
      if (isSettled) return
      isSettled = true
      clearTimer(timer)
      signal.removeEventListener('abort', giveUp)
      close()
      resolve(answer)
    }
    const giveUp = (): void => settle()
    const timer = setTimer(giveUp, timeout).unref()
    const close = ask(settle)
    signal.addEventListener('abort', giveUp)
    if (signal.aborted) giveUp()
  })
}
