import { AirplantError, isAirplantError, type ErrorCode } from '../../errors.ts'

/**
 * What one registry, or the way to it, said against a request: only the reason, for the error that the caller sees lists the reasons of
 * every registry that was asked.
 */
export function refusal(code: ErrorCode, reason: string, hint?: string, cause?: unknown): AirplantError {
  return new AirplantError({ code, message: reason, detail: reason, hint, cause })
}

/** The reason of a {@link refusal}, or the first line of another error. */
export function reasonOf(error: unknown): string {
  if (isAirplantError(error)) return error.detail ?? firstLine(error.message)
  return error instanceof Error ? firstLine(error.message) : String(error)
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
