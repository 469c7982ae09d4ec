import { eachAtOnce, LAYERS_AT_ONCE } from './each-at-once.ts'
import { isDamage } from './fetch-layer.ts'
import type { LocalImage } from './image.ts'
import type { LayerDescriptor } from './manifest.ts'
import type { PullOptions } from './pull-image.ts'
import type { ImageStore } from './store/image-store.ts'
import type { StoredImage } from './store/image-table.ts'
import { unpackBlob } from './unpack-blob.ts'

/**
 * Unpacks an image whose blobs are in the store.
 *
 * @returns undefined when some are missing, or turned out to be damaged
 * @throws {AirplantError} what {@link unpackBlob} throws
 */
export async function unpackStored(
  store: ImageStore,
  { id, manifest, config }: StoredImage,
  options: Pick<PullOptions, 'session' | 'env' | 'signal'>,
): Promise<LocalImage | undefined> {
  const layers = manifest?.layers ?? []
  if (!manifest || layers.length !== config.diffIds.length) return undefined
  const { signal } = options
  const unpackOne = async (layer: LayerDescriptor, at: number, stop: AbortSignal): Promise<boolean> => {
    const diffId = config.diffIds[at]!
    if (store.layers.find(diffId)) return true
    if (!store.blobs.has(layer.digest, layer.size)) return false
    try {
      await unpackBlob(store, layer, diffId, { ...options, signal: stop })
      return true
    } catch (error) {
      if (isDamage(error) && (await store.blobs.dropDamaged(layer.digest))) return false
      throw error
    }
  }
  const unpacked = await store.withLock('collect', { shared: true, signal }, () =>
    eachAtOnce(layers, LAYERS_AT_ONCE, unpackOne, signal),
  )
  return unpacked.every(Boolean) ? await store.find(id) : undefined
}
