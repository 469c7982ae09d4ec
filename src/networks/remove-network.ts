import { rmSync } from 'node:fs'
import { constants } from 'node:os'
import { frameFields, clientFrames } from '../rootless/protocol/frames.ts'
import { StepError } from '../rootless/step-error.ts'
import type { Session } from '../rootless/session.ts'
import { readJson } from './network-record.ts'
import type { Network } from './network.ts'

/** Ends the processes of a network; its bridge and all interfaces on it go with them. */
export async function removeNetwork({ session, handle, paths }: Network): Promise<void> {
  const egress = readJson(paths.egress) as { readonly handle: number } | undefined
  // By that the process that looks after the program knows that its end was wanted.
  rmSync(paths.egress, { force: true })
  for (const each of egress ? [egress.handle, handle] : [handle]) await remove(session, each)
}

async function remove(session: Session, handle: number): Promise<void> {
  try {
    await session.client.request(clientFrames.remove, frameFields().u(handle))
  } catch (error) {
    if (!(error instanceof StepError) || error.errno !== constants.errno.ESRCH) throw error
  }
}
