import * as constants from 'node:os'
import { frameFields, clientFrames } from '../rootless/protocol/frames.ts'
import { StepError } from '../rootless/step-error.ts'
import type { Network } from './network.ts'

/** Ends the process that holds a network; its bridge and all interfaces on it go with it. */
export async function removeNetwork({ session, handle }: Network): Promise<void> {
  try {
    await session.client.request(clientFrames.remove, frameFields().u(handle))
  } catch (error) {
    if (!(error instanceof StepError) || error.errno !== constants.constants.errno.ESRCH) throw error
  }
}
