import { isAirplantError } from '../errors.ts'
import { parseSignal } from '../rootless/signals.ts'

/** Docker's codes of what went wrong before, or instead of, the program. */
const OWN_ERROR = 125
const NOT_EXECUTABLE = 126
const NOT_FOUND = 127

/** Of commands that run no program. */
const FAILED = 1

/** What a shell adds to the number of a signal that ended a program. */
const BY_SIGNAL = 128

/** The exit code of `run` when it failed with an error, as docker's: 127 not found, 126 not executable, 125 anything else. */
export function errorExitCode(error: unknown): number {
  if (!isAirplantError(error)) return OWN_ERROR
  if (error.code === 'ERR_COMMAND_NOT_FOUND') return NOT_FOUND
  if (error.code === 'ERR_COMMAND_NOT_EXECUTABLE' || error.code === 'ERR_INTERPRETER_MISSING') return NOT_EXECUTABLE
  return OWN_ERROR
}

/** The exit code of a command other than `run` that failed: 125 for how it was called, as docker's flags have it, 1 for anything else. */
export function commandExitCode(error: unknown): number {
  return isAirplantError(error) && error.code === 'ERR_INVALID_OPTION' ? OWN_ERROR : FAILED
}

/** The same of `exec`, which as docker's fails with 1 when it is not about the program. */
export function execExitCode(error: unknown): number {
  const code = errorExitCode(error)
  return code === OWN_ERROR ? commandExitCode(error) : code
}

/** The exit code of a command that failed. @param name undefined: of none that there is */
export function exitCodeOf(name: string | undefined, error: unknown): number {
  if (name === 'run') return errorExitCode(error)
  return name === 'exec' ? execExitCode(error) : commandExitCode(error)
}

/** The exit code that says how a program ended: its own, or 128 and the signal's number. */
export function programExitCode(exit: { exitCode: number | null; signal: string | null }): number {
  return exit.exitCode ?? signalExitCode(parseSignal(exit.signal ?? 'SIGKILL'))
}

/** @param number a signal's */
export function signalExitCode(number: number): number {
  return BY_SIGNAL + number
}
