import { AirplantError } from '../../errors.ts'

/** An archive that is cut short or malformed: `ERR_INVALID_ARCHIVE`. */
export function invalidArchive(reason: string, hint = 'Make or download the archive again'): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_ARCHIVE',
    message: `Cannot read the archive: ${reason}`,
    phase: 'unpack',
    hint,
  })
}

/** An archive over a limit: `ERR_ARCHIVE_LIMIT`. `option` is what the user raises. */
export function overLimit(reason: string, option: string): AirplantError {
  return new AirplantError({
    code: 'ERR_ARCHIVE_LIMIT',
    message: `Cannot unpack the archive: ${reason}`,
    phase: 'unpack',
    hint: `If you trust where it comes from, raise ${option}`,
  })
}
