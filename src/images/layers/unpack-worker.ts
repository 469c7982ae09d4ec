import { isAirplantError, type AirplantErrorInit } from '../../errors.ts'
import { runUnpack } from './run-unpack.ts'
import type { UnpackResult, UnpackTask } from './unpack-task.ts'

/** The worker threads' side of {@link UnpackPool}. */
export default async function unpackWorker(task: UnpackTask): Promise<UnpackResult> {
  try {
    return { summary: await runUnpack(task) }
  } catch (error) {
    if (!isAirplantError(error)) throw error
    return { error: toInit(error) }
  } finally {
    task.progress?.close()
  }
}

/** The message without the hint that the class added. */
function toInit({ code, message, phase, hint, errno, step, detail }: AirplantErrorInit): AirplantErrorInit {
  const end = hint === undefined ? '' : `\nHint: ${hint}`
  const bare = end !== '' && message.endsWith(end) ? message.slice(0, -end.length) : message
  return { code, message: bare, phase, hint, errno, step, detail }
}
