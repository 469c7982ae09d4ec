import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { parseSignal } from '../rootless/signals.ts'

const { SIGHUP, SIGINT, SIGKILL, SIGTERM } = constants.signals
const forwarded = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const

// signal(7): they do nothing, or stop or go on, where nobody asked for them.
const harmless = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'])

const SECOND_INTERRUPT = 1000

/** How signals are passed on. */
export interface ForwardOptions {
  readonly stopSignal: number
  /** ms */
  readonly stopTimeout: number
}

/** Who gets them. */
export interface SignalTarget {
  /** Of a container's first process, as this process sees it; 0 for one that gets signals as any other does. */
  readonly pid: number
  signal(number: number): Promise<void>
}

/** Signals on their way to a container. */
export interface SignalForwarder {
  /** Number of the signal that was answered by killing, because the program would have died of it outside of a container. */
  readonly fatal: number | undefined
}

/**
 * Passes this process's signals on to the container's first process, or to a command in it. SIGTERM becomes its stop signal; after it and after SIGHUP the
 * container is killed when the stop timeout is over. A second SIGINT within a second kills too.
 */
export function forwardSignals(target: SignalTarget, { stopSignal, stopTimeout }: ForwardOptions): SignalForwarder {
  let fatal: number | undefined
  let interrupted = -Infinity
  // One that has just ended needs no signal.
  const send = (number: number): void => void target.signal(number).catch(() => undefined)
  const deliver = (number: number): void => {
    const kills = number !== SIGKILL && target.pid !== 0 && wouldBeLost(target.pid, number)
    if (kills) fatal ??= number
    send(kills ? SIGKILL : number)
  }
  const receive = (number: number): void => {
    if (number === SIGINT) {
      const isSecond = performance.now() - interrupted < SECOND_INTERRUPT
      interrupted = performance.now()
      deliver(isSecond ? SIGKILL : SIGINT)
      return
    }
    deliver(number === SIGTERM ? stopSignal : number)
    if (number === SIGTERM || number === SIGHUP) setTimeout(() => send(SIGKILL), stopTimeout).unref()
  }
  for (const name of forwarded) process.on(name, () => receive(constants.signals[name]))
  return {
    get fatal() {
      return fatal
    },
  }
}

/**
 * pid_namespaces(7): the first process of a container gets no signal that it has no handler for. `sleep` would not end by Ctrl-C; so
 * such a signal is answered as the kernel would outside.
 */
function wouldBeLost(pid: number, number: number): boolean {
  if ([...harmless].some((name) => parseSignal(name) === number)) return false
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const masks = ['SigBlk', 'SigIgn', 'SigCgt'].map((field) =>
      new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status),
    )
    const bit = 1n << BigInt(number - 1)
    return masks.every((mask) => mask !== null && (BigInt(`0x${mask[1] ?? '0'}`) & bit) === 0n)
  } catch {
    return false
  }
}
