import { AirplantError } from '../errors.ts'
import { closestName } from './closest-name.ts'

/** Signals by number, from 1; the same on x86-64 and arm64 (signal(7)). */
const names = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
]

const aliases: Record<string, number> = { SIGIOT: 6, SIGCLD: 17, SIGPOLL: 29, SIGUNUSED: 31 }

// As programs see them: C libraries keep the first real-time signals, 32 and 33 (musl 34 too), for themselves.
const firstRealTime = 34
const lastRealTime = 64

/**
 * The number of a signal given by name or number, as in Docker's `--signal` and an image's STOPSIGNAL.
 *
 * @throws AirplantError `ERR_INVALID_OPTION`
 * @example
 * parseSignal('SIGTERM') // 15
 * parseSignal('term') // 15
 * parseSignal('9') // 9
 * parseSignal('SIGRTMIN+3') // 37
 */
export function parseSignal(signal: string | number): number {
  const text = String(signal).trim().toUpperCase()
  const name = text.startsWith('SIG') ? text : `SIG${text}`
  const number = /^\d+$/.test(text) ? Number(text) : (numberOf(name) ?? 0)
  if (number >= 1 && number <= lastRealTime) return number
  const closest = closestName(name, names)
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Unknown signal ${JSON.stringify(signal)}`,
    hint: closest
      ? `Did you mean "${closest}"?`
      : `Write a name such as "SIGTERM" or a number from 1 to ${lastRealTime}`,
  })
}

/**
 * The name of a signal number; `'SIGRTMIN+n'` for the real-time ones, undefined for what is none.
 *
 * @example
 * signalName(15) // 'SIGTERM'
 */
export function signalName(number: number): string | undefined {
  if (number < firstRealTime) return names[number - 1]
  if (!Number.isInteger(number) || number > lastRealTime) return undefined
  return number === firstRealTime ? 'SIGRTMIN' : `SIGRTMIN+${number - firstRealTime}`
}

function numberOf(name: string): number | undefined {
  const known = names.indexOf(name) + 1 || aliases[name]
  if (known) return known
  const realTime = /^SIGRT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name)
  if (!realTime) return undefined
  const number = name.startsWith('SIGRTMIN')
    ? firstRealTime + Number(realTime[1] ?? 0)
    : lastRealTime - Number(realTime[2] ?? 0)
  return number >= firstRealTime && number <= lastRealTime ? number : undefined
}
