import { AirplantError } from '../../errors.ts'

/** An error for a file of the host that cannot be read. */
export function unreadable(path: string, error: unknown): AirplantError {
  const { code } = error as NodeJS.ErrnoException
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'copy',
    message: `Cannot copy "${path}": ${code === 'ENOENT' ? 'no such file or directory' : code}`,
    hint: 'Check the path, and that you may read it; relative ones start at the working directory',
    detail: path,
    errno: code,
    cause: error,
  })
}
