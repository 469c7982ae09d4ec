import { FileWorker } from '../../rootless/files/file-worker.ts'
import type { Session } from '../../rootless/session.ts'
import { copyTree } from './copy-tree.ts'

/** Copies layers (top first) into one directory, the lowest first, so that whiteouts remove what came before. */
export async function mergeLayers(session: Session, lowers: readonly string[], directory: string): Promise<void> {
  await using target = await FileWorker.start(session, { kind: 'directory', path: directory })
  const writing = await target.connect()
  try {
    for (const layer of lowers.toReversed()) {
      await using source = await FileWorker.start(session, { kind: 'directory', path: layer })
      const reading = await source.connect()
      try {
        await copyTree(reading, '', writing, { raw: true, root: false })
      } finally {
        reading.close()
      }
    }
  } finally {
    writing.close()
  }
}
