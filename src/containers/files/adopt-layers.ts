import { randomBytes } from 'node:crypto'
import type { LocalImage, UnpackedLayer } from '../../images/image.ts'
import { isInStore } from '../../images/store/is-in-store.ts'
import type { ImageStore } from '../../images/store/image-store.ts'
import type { ContainerFiles } from './container-files.ts'
import { copyUpper } from './layer-from-upper.ts'

/** Whether all layers of an image are the store's: those of a snapshot are its session's, and go with that. */
export function isAllStored(store: ImageStore, { layers }: LocalImage): boolean {
  return layers.every((layer) => isInStore(layer, store.home))
}

/** The same image with copies in the store of those layers that are elsewhere. Hold `collect` until something refers to them. */
export async function adoptLayers(files: ContainerFiles, store: ImageStore, image: LocalImage): Promise<LocalImage> {
  const layers: UnpackedLayer[] = []
  for (const layer of image.layers) layers.push(isInStore(layer, store.home) ? layer : await adopt(files, store, layer))
  return { ...image, layers }
}

async function adopt(
  { session, owner }: ContainerFiles,
  store: ImageStore,
  layer: UnpackedLayer,
): Promise<UnpackedLayer> {
  return await store.layers.create(`snapshot:${randomBytes(16).toString('hex')}`, async (directory) => ({
    ...(await copyUpper(session, layer.directory, directory)),
    rootMode: layer.rootMode,
    owner,
  }))
}
