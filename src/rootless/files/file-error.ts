import type { ErrorCode } from '../../errors.ts'
import { AirplantError } from '../../errors.ts'
import { FieldReader } from '../protocol/fields.ts'
import { errnoName } from '../step-error.ts'

/** What an `error` frame of docs/files.md says. */
export interface FileFailure {
  readonly errno: string
  readonly what: string
  readonly path: string
  readonly detail: string
}

/** Reads the body of an `error` frame. */
export function readFileFailure(body: Buffer): FileFailure {
  const fields = new FieldReader(body)
  return { errno: errnoName(fields.u()), what: fields.s(), path: fields.s(), detail: fields.s() }
}

/** The error that a user sees for it. The layers above say by `cause` and `phase` what they were doing. */
export function fileError(failure: FileFailure): AirplantError {
  const { code, reason, hint } = explain(failure)
  return new AirplantError({
    code,
    phase: 'copy',
    message: `Cannot ${action(failure)}: ${reason}`,
    hint,
    errno: failure.errno || undefined,
    step: failure.what,
    detail: failure.path,
  })
}

/** The error for a worker that has gone: killed with its container or session, or out of memory. */
export function fileWorkerGone(cause?: Error): AirplantError {
  return new AirplantError({
    code: 'ERR_KEEPER_GONE',
    phase: 'copy',
    message: `Cannot go on with the files: the process that writes and reads them is gone${cause ? ` (${cause.message})` : ''}`,
    hint: 'If its container or session was not ended meanwhile, the machine may be out of memory (see "dmesg")',
    cause,
  })
}

const actions: Readonly<Record<string, string>> = {
  protocol: 'write',
  begin: 'begin with',
  base: 'use the directory',
  owner: 'set the owner of',
  missing: 'make the hard link',
  exists: 'make',
  unsafe: 'make',
  limit: 'make',
  directory: 'make the directory',
  link: 'make the link',
  times: 'set the times of',
  chown: 'set the owner of',
  chmod: 'set the mode of',
  xattr: 'set an attribute of',
  whiteout: 'hide',
  usage: 'measure',
  stat: 'look at',
}

function action({ what, path }: FileFailure): string {
  return `${actions[what] ?? what} ${JSON.stringify(path === '' ? '/' : path)}`
}

interface Explanation {
  readonly code: ErrorCode
  readonly reason: string
  readonly hint: string
}

function explain(failure: FileFailure): Explanation {
  const { errno, what, detail } = failure
  const reason = [detail, errno].filter(Boolean).join(', ')
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    const full = errno === 'EDQUOT' ? 'the disk quota is used up' : 'no space left on the file system'
    return {
      code: 'ERR_DISK_FULL',
      reason: full,
      hint: 'Free some space ("airplant prune"), or set AIRPLANT_HOME to a larger disk',
    }
  }
  const special = specials[what]
  if (special) return { ...special, reason: detail || reason }
  if ((what === 'base' || what === 'read' || what === 'usage') && (errno === 'ENOENT' || errno === 'ENOTDIR')) {
    const missing = errno === 'ENOENT' ? 'it does not exist' : 'it is not a directory'
    return { code: 'ERR_PATH_MISSING', reason: missing, hint: 'Check the path' }
  }
  return { code: 'ERR_FILE_FAILED', reason, hint: hints[errno] ?? 'Look at the file and its directory in the target' }
}

const specials: Readonly<Record<string, Omit<Explanation, 'reason'>>> = {
  unsafe: { code: 'ERR_UNSAFE_ARCHIVE', hint: 'The archive tries to leave its target: do not use it' },
  limit: { code: 'ERR_ARCHIVE_LIMIT', hint: 'If the archive can be trusted, raise the limit' },
  owner: {
    code: 'ERR_UNMAPPED_OWNER',
    hint: 'The range of your account in /etc/subuid and /etc/subgid is too small: give it more IDs, or use a single ID (AIRPLANT_IDS=single)',
  },
  missing: { code: 'ERR_INVALID_ARCHIVE', hint: 'The archive is damaged or incomplete: make or fetch it again' },
  exists: { code: 'ERR_FILE_FAILED', hint: 'Name another place, or remove it first' },
}

const hints: Readonly<Record<string, string>> = {
  EROFS: 'The target is read-only',
  EBUSY: 'Something is mounted there: unmount it first',
  ENAMETOOLONG: 'Names have up to 255 bytes, paths up to 4095',
  EISDIR: 'It is a directory',
  ENOTDIR: 'One of its parents is not a directory',
  ELOOP: 'Links in its path lead in a circle, or too many parents are missing',
  EMLINK: 'The file system allows no more hard links to one file',
}
