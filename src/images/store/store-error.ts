import { AirplantError, isAirplantError } from '../../errors.ts'

/** What to do about a store that is damaged. */
const damagedHint = 'Delete it, or set AIRPLANT_HOME to another directory; images are then pulled again'

/** The store is not as it should be. */
export function damaged(path: string, problem: string, cause?: unknown): AirplantError {
  const message = `Cannot use "${path}" of the store: ${problem}`
  return new AirplantError({ code: 'ERR_STORE', phase: 'store', message, hint: damagedHint, detail: path, cause })
}

/**
 * Turns a failed system call on a file of the store into an {@link AirplantError}; one that is that already is given back as it is.
 *
 * @param what `'write "/x"'`
 */
export function explainFailure(error: unknown, what: string): unknown {
  if (isAirplantError(error)) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new AirplantError({
    code: isFull ? 'ERR_DISK_FULL' : 'ERR_STORE',
    phase: 'store',
    message: `Cannot ${what}: ${isFull ? 'no space left in the store' : message}`,
    hint: isFull
      ? 'Free space ("airplant prune"), or set AIRPLANT_HOME to a directory on another file system'
      : 'Check that the directory is yours and writable, or set AIRPLANT_HOME to another one',
    errno: code,
    cause: error,
  })
}
