import { FileWorker } from '../../rootless/files/file-worker.ts'
import type { ImageStore } from './image-store.ts'

/** What a directory holds whose files may belong to any of the mapped IDs. */
export async function measure({ context }: ImageStore, path: string): Promise<{ bytes: number; entries: number }> {
  await using worker = await FileWorker.start(context.session, { kind: 'directory', path })
  const channel = await worker.connect()
  try {
    return await channel.usage('')
  } finally {
    channel.close()
  }
}

/** Measures the layers of snapshots, which are published in a time that does not depend on what is in them. */
export async function measureSnapshots(store: ImageStore): Promise<void> {
  const { layers } = store
  const unknown = layers.list().filter((key) => key.startsWith('snapshot:') && layers.facts(key)?.entries === 0)
  if (unknown.length === 0) return
  await store.withLock('collect', { shared: true }, async () => {
    for (const key of unknown) {
      const layer = layers.find(key)
      if (layer) layers.amendRecord(key, await measure(store, layer.directory))
    }
  })
}
