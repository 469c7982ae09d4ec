import { isAirplantError } from '../errors.ts'

/**
 * Prints an error as one line and its hint, and ends the process with the exit code. AIRPLANT_DEBUG=1 adds the stack and what caused it.
 */
export function reportError(error: unknown, exitCode: number): void {
  process.stderr.on('error', () => process.exit(exitCode))
  process.stderr.write(errorText(error), () => process.exit(exitCode))
}

/** What {@link reportError} prints. */
export function errorText(error: unknown): string {
  return `airplant: ${describe(error, Boolean(process.env['AIRPLANT_DEBUG']))}\n`
}

function describe(error: unknown, isDebug: boolean): string {
  if (!(error instanceof Error) && !isAirplantError(error)) return String(error)
  if (!isDebug) return error.message
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause, true)}`
  return `${error.stack ?? error.message}${cause}`
}
