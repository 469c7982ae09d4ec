import type { Session } from '../../rootless/session.ts'

/** Ends a keeper that was to linger, with everything in it, and waits until that was done. */
export async function endLingering({ client }: Session): Promise<void> {
  try {
    await client.linger(0)
    await client.shutdown()
  } catch {
    // It ended by itself: without a lease, a time of 0 is over at once.
  }
  await client.ended
}
