import { chownSync } from 'node:fs'
import type { Session } from '../../src/rootless/session.ts'

/** Makes a directory of real root the session's own, as its state directory is; for everybody else it is that already. */
export function giveTo(session: Session, directory: string): void {
  if (process.getuid?.() === 0) chownSync(directory, session.mapping.rootUid, session.mapping.rootGid)
}
