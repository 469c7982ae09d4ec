import { ImageStore } from '../images/store/image-store.ts'
import { defaultSession, disposeDefaultSession } from '../rootless/default-session.ts'
import type { Session } from '../rootless/session.ts'
import { endOnSignals } from './end-on-signals.ts'

/** What commands about images work with. */
export interface ImageSurroundings {
  readonly session: Session
  readonly store: ImageStore
  readonly env: NodeJS.ProcessEnv
}

/** Runs a command about images with a session of its own, which ends with it. */
export async function withStore<T>(command: (around: ImageSurroundings) => Promise<T>): Promise<T> {
  const { env } = process
  endOnSignals()
  try {
    const session = await defaultSession()
    return await command({ session, store: ImageStore.of(session, env), env })
  } finally {
    await disposeDefaultSession()
  }
}
