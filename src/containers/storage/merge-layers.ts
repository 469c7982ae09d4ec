import type { FileChannel } from '../../rootless/files/file-channel.ts'
import { FileWorker } from '../../rootless/files/file-worker.ts'
import type { Session } from '../../rootless/session.ts'

// These layers were unpacked within limits.
const NO_LIMITS = { entries: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER, depth: 4096 }

/** Copies layers (top first) into one directory, the lowest first, so that whiteouts remove what came before. */
export async function mergeLayers(session: Session, lowers: readonly string[], directory: string): Promise<void> {
  await using target = await FileWorker.start(session, { kind: 'directory', path: directory })
  const writing = await target.connect()
  try {
    for (const layer of lowers.toReversed()) await mergeLayer(session, layer, writing)
  } finally {
    writing.close()
  }
}

async function mergeLayer(session: Session, layer: string, writing: FileChannel): Promise<void> {
  await using source = await FileWorker.start(session, { kind: 'directory', path: layer })
  const reading = await source.connect()
  try {
    writing.begin({ mode: 'merge', base: '', flattenOwners: false, limits: NO_LIMITS, overwrite: true })
    for await (const { entry, data } of reading.read('', { raw: true })) {
      await writing.entry(entry)
      for await (const chunk of data) await writing.data(chunk)
    }
    await writing.finish()
  } finally {
    reading.close()
  }
}
