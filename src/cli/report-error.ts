import { isAirplantError } from '../errors.ts'
import { errorExitCode } from './exit-codes.ts'

/**
 * Prints an error as one line and its hint, and ends the process with the error's exit code. AIRPLANT_DEBUG=1 adds the stack and what
 * caused it.
 */
export function reportError(error: unknown): void {
  const isDebug = Boolean(process.env['AIRPLANT_DEBUG'])
  const text = `airplant: ${describe(error, isDebug)}\n`
  process.stderr.on('error', () => process.exit(errorExitCode(error)))
  process.stderr.write(text, () => process.exit(errorExitCode(error)))
}

function describe(error: unknown, isDebug: boolean): string {
  if (!(error instanceof Error) && !isAirplantError(error)) return String(error)
  if (!isDebug) return error.message
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause, true)}`
  return `${error.stack ?? error.message}${cause}`
}
