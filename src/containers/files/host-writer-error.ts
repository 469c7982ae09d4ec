import { AirplantError } from '../../errors.ts'

/** For a place that is taken by something that a copy does not replace. */
export function notThere(isDirectory: boolean): NodeJS.ErrnoException {
  return Object.assign(new Error('The place is taken'), { code: isDirectory ? 'EISDIR' : 'EEXIST' })
}

const reasons: Readonly<Record<string, string>> = {
  EISDIR: 'there is a directory already',
  EEXIST: 'there is something already that is no file',
  ENOTDIR: 'what is there already is no directory',
  ELOOP: 'there is a link already where a directory would go',
}

const hints: Readonly<Record<string, string>> = {
  EISDIR: 'The destination is the copy itself: name it, not the directory to put it in',
  EACCES: 'Choose a destination that you may write to',
  EPERM: 'Choose a destination that you may write to, on a file system that has links',
  EROFS: 'The file system is read-only: choose a destination on another one',
  EMFILE: 'Its directories are nested too deep: copy a tar stream',
}

/** A failed system call at a place of the host as the error that a user sees; another error as it is. */
export function atPlace(error: unknown, place: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof AirplantError || code === undefined) return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new AirplantError({
    code: isFull ? 'ERR_DISK_FULL' : 'ERR_FILE_FAILED',
    phase: 'copy',
    message: `Cannot write "${place}": ${isFull ? 'no space left on the file system' : (reasons[code] ?? code)}`,
    hint: isFull
      ? 'Free some space, or choose a destination on another file system'
      : (hints[code] ?? 'Choose another destination'),
    errno: code,
    step: syscall,
    detail: place,
    cause: error,
  })
}
