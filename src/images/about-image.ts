import type { Phase } from '../errors.ts'
import { AirplantError, isAirplantError } from '../errors.ts'
import { nameInMessage } from './name-in-message.ts'
import { now } from '../rootless/clock.ts'
import { explainFailure } from './store/store-error.ts'

/** What was being done with which image. */
export interface ImageTask {
  readonly phase: Extract<Phase, 'pull' | 'push'>
  readonly image: string
  /** When it began, by `now()`. */
  readonly began: number
  readonly signal?: AbortSignal | undefined
}

/**
 * The error for the caller of a pull or push: the one that was thrown, with what those who threw it could not know. Errors of the file
 * system become the store's; an abort is told in the same way wherever it hit.
 */
export function aboutImage(error: unknown, task: ImageTask): unknown {
  const { phase, image, began, signal } = task
  const told = signal?.aborted ? aborted(task, signal.reason) : explained(error, task)
  if (!isAirplantError(told)) return told
  const elapsed = told.elapsed ?? now() - began
  if (told.image === undefined) nameInMessage(told, image)
  return Object.assign(told, { phase: told.phase ?? phase, image: told.image ?? image, elapsed })
}

function explained(error: unknown, { phase, image }: ImageTask): unknown {
  const isOfSystem = error instanceof Error && typeof (error as NodeJS.ErrnoException).errno === 'number'
  return isOfSystem ? explainFailure(error, `${phase} "${image}"`) : error
}

function aborted({ phase, image }: ImageTask, reason: unknown): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    phase,
    message: `Cannot ${phase} "${image}": it was aborted`,
    hint:
      phase === 'pull'
        ? 'What was fetched is kept: call again to go on, or look what fired the signal'
        : 'What the registry has by now is not sent again: call again to go on, or look what fired the signal',
    image,
    cause: reason,
  })
}
