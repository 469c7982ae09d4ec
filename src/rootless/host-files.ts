import type { ErrorCode, Phase } from '../errors.ts'
import { AirplantError } from '../errors.ts'
import { Plan } from './protocol/plan.ts'
import type { Session } from './session.ts'
import { StepError } from './step-error.ts'

const SYNC = 1

/** @see renameByKeeper */
export interface RenameOptions {
  /**
   * What is renamed, and all else that was written to its file system, is on the disk before, and the new name after. Takes as long as
   * the disk takes. Default false.
   */
  readonly sync?: boolean | undefined
}

/**
 * Renames a file or a directory of the host as root of the keeper's namespace: also what belongs to subordinate IDs, where the caller
 * may not. Nothing is replaced.
 *
 * @param from absolute @param to absolute, on the same file system
 * @throws {AirplantError} `ERR_FILE_FAILED` (`errno` `'EEXIST'` when `to` is there, `'EXDEV'` on another file system), `ERR_PATH_MISSING`,
 *   `ERR_DISK_FULL`, `ERR_KEEPER_GONE`
 */
export async function renameByKeeper(
  session: Session,
  from: string,
  to: string,
  options: RenameOptions = {},
): Promise<void> {
  const plan = new Plan().hostRename(from, to, options.sync ? SYNC : 0)
  await runPlan(session, plan, `Cannot rename "${from}" to "${to}"`)
}

/**
 * Deletes a file of the host, or a directory with all below it, as root of the keeper's namespace: whatever its modes, its depth and
 * which of the mapped IDs own it. Links are not followed, mounts not entered. Does nothing when there is none.
 *
 * @param path absolute
 * @throws {AirplantError} `ERR_FILE_FAILED` (`errno` `'EBUSY'`: a mount below it), `ERR_KEEPER_GONE`
 * @example
 * await removeByKeeper(session, join(store, 'layers', name))
 */
export async function removeByKeeper(session: Session, path: string): Promise<void> {
  await runPlan(session, new Plan().hostRemove(path), `Cannot delete "${path}"`)
}

// A plan that ends by itself has ended when the keeper answers.
async function runPlan(session: Session, plan: Plan, what: string): Promise<void> {
  try {
    await session.client.spawn({ kind: 'helper', plan })
  } catch (error) {
    throw explainFileStep(error, what, 'store')
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'ERR_PATH_MISSING',
  ENOTDIR: 'ERR_PATH_MISSING',
  ENOSPC: 'ERR_DISK_FULL',
  EDQUOT: 'ERR_DISK_FULL',
}

const hints: Readonly<Record<string, string>> = {
  ENOENT: 'Look whether its directory is there',
  ENOTDIR: 'Look which part of the path is no directory',
  ENOSPC: 'Free space on that file system, or set AIRPLANT_HOME to a directory on another one',
  EDQUOT: 'Free space within your quota, or set AIRPLANT_HOME to a directory on another file system',
  EEXIST: 'Choose a name that is not taken',
  EXDEV: 'Both have to be on the same file system',
  EBUSY: 'Unmount what is mounted below it',
  EROFS: 'The file system is read-only: choose a directory on another one',
  EACCES: 'Look who owns it: it has to be you, or one of your subordinate IDs (/etc/subuid)',
  EPERM: 'Look who owns it: it has to be you, or one of your subordinate IDs (/etc/subuid)',
}

/** Turns a failed step on a file of the host into an {@link AirplantError}; any other error is given back as it is. */
export function explainFileStep(error: unknown, what: string, phase: Phase): unknown {
  if (!(error instanceof StepError)) return error
  const errno = error.errnoName
  return new AirplantError({
    code: codes[errno] ?? 'ERR_FILE_FAILED',
    phase,
    message: `${what}: ${[errno, error.detail].filter(Boolean).join(', ')}`,
    hint: hints[errno] ?? 'Run "airplant doctor" to see what this machine offers',
    errno,
    step: error.what,
    detail: error.detail,
    cause: error,
  })
}
