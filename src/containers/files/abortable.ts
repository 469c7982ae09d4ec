import { AirplantError } from '../../errors.ts'
import type { ContainerFiles } from './container-files.ts'

/**
 * Runs an operation on files that ends when their signal fires: the connection to the worker is cut then, also where that waits for a file
 * system that does not answer.
 *
 * @throws {AirplantError} `ERR_ABORTED`
 */
export async function abortable<T>(
  files: ContainerFiles,
  action: string,
  run: (files: ContainerFiles) => Promise<T>,
): Promise<T> {
  const { signal } = files
  if (!signal) return await run(files)
  let cut: () => void = () => undefined
  const gone = new Promise<never>((_, reject) => {
    cut = () => reject(aborted(files, action, signal.reason))
  })
  signal.addEventListener('abort', cut, { once: true })
  try {
    if (signal.aborted) throw aborted(files, action, signal.reason)
    // The caller's own stream may be what never comes to an end.
    return await Promise.race([gone, run(files)])
  } finally {
    signal.removeEventListener('abort', cut)
  }
}

function aborted({ id, image }: ContainerFiles, action: string, reason: unknown): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    phase: 'copy',
    message: `Cannot ${action} container ${id}: the caller aborted`,
    hint: 'This is what the signal option is for; what was copied before stays',
    container: id,
    image,
    cause: reason,
  })
}
