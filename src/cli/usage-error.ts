import { AirplantError } from '../errors.ts'

/** An error of the one who wrote the command line. */
export function usageError(message: string, hint: string): AirplantError {
  return new AirplantError({ code: 'ERR_INVALID_OPTION', phase: 'create', message, hint })
}
