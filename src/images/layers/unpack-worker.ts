import { isAirplantError } from '../../errors.ts'
import { runUnpack } from './run-unpack.ts'
import { errorInit } from './unpack-error.ts'
import type { ThreadTask, UnpackResult } from './unpack-task.ts'

/** The worker threads' side of {@link UnpackPool}. */
export default async function unpackWorker({ progress, ...task }: ThreadTask): Promise<UnpackResult> {
  try {
    return { summary: await runUnpack(task, { onProgress: (bytes) => progress?.postMessage(bytes) }) }
  } catch (error) {
    if (!isAirplantError(error)) throw error
    return { error: errorInit(error) }
  } finally {
    progress?.close()
  }
}
