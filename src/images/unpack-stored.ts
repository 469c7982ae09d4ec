import { eachAtOnce } from './each-at-once.ts'
import type { LocalImage } from './image.ts'
import type { PullOptions } from './pull-image.ts'
import type { ImageStore } from './store/image-store.ts'
import type { StoredImage } from './store/image-table.ts'
import { unpackBlob } from './unpack-blob.ts'

const LAYERS_AT_ONCE = 3

/** Unpacks an image whose blobs are in the store. Undefined when some are missing. */
export async function unpackStored(
  store: ImageStore,
  { id, manifest, config }: StoredImage,
  options: Pick<PullOptions, 'session' | 'env' | 'signal'>,
): Promise<LocalImage | undefined> {
  const layers = manifest?.layers ?? []
  const isWhole =
    layers.length === config.diffIds.length && layers.every(({ digest, size }) => store.blobs.has(digest, size))
  if (!manifest || !isWhole) return undefined
  const run = (): Promise<unknown> =>
    eachAtOnce(layers, LAYERS_AT_ONCE, (layer, at) => unpackBlob(store, layer, config.diffIds[at]!, options))
  await store.withLock('collect', { shared: true, signal: options.signal }, run)
  return await store.find(id)
}
