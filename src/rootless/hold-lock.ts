import { AirplantError } from '../errors.ts'
import { explainFileStep } from './host-files.ts'
import type { KeeperProcess } from './keeper-client.ts'
import { Plan } from './protocol/plan.ts'
import type { Session } from './session.ts'

const SHARED = 1
const NO_WAIT = 2

/** @see holdLock */
export interface LockOptions {
  /** Several may hold it at once, unless somebody wants it alone. Default false. */
  readonly shared?: boolean | undefined
  /** Waits while somebody else holds it. Default true. */
  readonly wait?: boolean | undefined
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

/** A lock that is held until it is disposed, or its session ends. It does not keep Node alive. */
export interface HeldLock extends AsyncDisposable {
  readonly path: string
  /** From now on it is held until it is disposed, or the keeper has ended: the end of this process does not release it. */
  keep(): Promise<void>
}

/**
 * Takes a lock (flock(2)) on a file, which is made where it is missing; its directory has to be there. It holds between all processes of
 * the machine, and between all callers in this one. A helper of the keeper holds it, so it is free as soon as its holder is dead,
 * however it died.
 *
 * @param path absolute
 * @returns undefined when somebody else has it and `wait` is false
 * @throws {AirplantError} `ERR_FILE_FAILED`, `ERR_PATH_MISSING` (the directory), `ERR_DISK_FULL`, `ERR_ABORTED`, `ERR_KEEPER_GONE`
 * @example
 * await using lock = await holdLock(session, '/home/me/store/locks/pull')
 */
export async function holdLock(
  session: Session,
  path: string,
  options: LockOptions = {},
): Promise<HeldLock | undefined> {
  const { shared = false, wait = true, signal } = options
  if (signal?.aborted) throw aborted(path, signal)
  const plan = new Plan().lock(path, (shared ? SHARED : 0) + (wait ? 0 : NO_WAIT))
  const helper = await session.client.spawn({ kind: 'helper', attached: true, plan }).catch((error: unknown) => {
    throw explainFileStep(error, `Cannot lock "${path}"`, 'store')
  })
  const answer = await firstAnswer(helper, signal)
  if (answer === '1') {
    helper.unref()
    const keep = (): Promise<void> => session.client.keep(helper.handle)
    return { path, keep, [Symbol.asyncDispose]: () => helper.remove() }
  }
  await helper.remove()
  if (signal?.aborted) throw aborted(path, signal)
  if (answer === '0') return undefined
  throw new AirplantError({
    code: 'ERR_FILE_FAILED',
    phase: 'store',
    message: `Cannot lock "${path}": the process that should hold it ended`,
    hint: 'Look whether the file system supports flock(2), and whether memory ran out',
  })
}

// Its first letter, or undefined when it ended without one or the caller gave up.
function firstAnswer(helper: KeeperProcess, signal: AbortSignal | undefined): Promise<string | undefined> {
  return new Promise<string | undefined>((resolve, reject) => {
    const abort = (): void => resolve(undefined)
    signal?.addEventListener('abort', abort, { once: true })
    helper.onData('stdout', (chunk) => resolve(chunk.toString('latin1', 0, 1)))
    helper.exited.then(() => resolve(undefined), reject)
    if (signal?.aborted) abort()
    helper.exited.catch(() => undefined).finally(() => signal?.removeEventListener('abort', abort))
  })
}

function aborted(path: string, signal: AbortSignal): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    phase: 'store',
    message: `Cannot lock "${path}": the caller aborted while somebody else held it`,
    hint: 'Wait longer, or look which other process uses the store',
    cause: signal.reason,
  })
}
