import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { emptyConfig } from '../../images/empty-config.ts'
import type { LocalImage, UnpackedLayer } from '../../images/image.ts'
import { isInStore } from '../../images/store/is-in-store.ts'
import type { Use } from '../../images/store/uses.ts'
import { removeByKeeper } from '../../rootless/host-files.ts'
import type { LayeredRoot } from '../spec.ts'
import type { ContainerFiles } from './container-files.ts'
import { keepsNothing } from './container-files.ts'
import { canRename, layerFromUpper } from './layer-from-upper.ts'

/** An image that lives as long as its session, or until it is disposed. */
export interface Snapshot extends LocalImage, AsyncDisposable {}

/**
 * Makes an image of a stopped container: its upper directory becomes a layer by a rename. The container can still be read and copied to.
 *
 * @throws {AirplantError} `ERR_NOT_RUNNING` (the host image), `ERR_DISK_FULL` (storage drivers other than overlay)
 */
export async function snapshot(files: ContainerFiles): Promise<Snapshot> {
  const { root, session } = files
  if (!root) throw keepsNothing(files, 'make a snapshot of')
  const key = randomBytes(12).toString('hex')
  const place = join(session.directory, 'snapshots', key)
  const directory = join(place, 'fs')
  const wasRenamed = canRename(files)
  const { markedByFiles, isWhole } = await layerFromUpper(files, directory)
  const layer: UnpackedLayer = { key: `snapshot:${key}`, directory, rootMode: root.mode, markedByFiles }
  if (wasRenamed) files.addLayer?.(layer, undefined)
  const layers = isWhole ? [layer] : [...baseLayers(root), layer]
  const use = isWhole ? undefined : await useOfBase(files, root.image)
  return {
    ...{ id: layer.key, digest: undefined, config: root.image?.config ?? emptyConfig(), layers },
    async [Symbol.asyncDispose]() {
      use?.release()
      if (!session.closed) await removeByKeeper(session, place)
    },
  }
}

/** The layers of the store below it stay there although the container may go first. */
async function useOfBase({ session, env }: ContainerFiles, image: LocalImage | undefined): Promise<Use | undefined> {
  if (!image) return undefined
  const { ImageStore } = await import('../../images/store/image-store.ts')
  const store = ImageStore.of(session, env)
  const layers = image.layers.filter((layer) => isInStore(layer, store.home))
  return layers.length > 0 ? await store.use({ id: image.id, layers }) : undefined
}

/** The layers below, lowest first; a plain directory counts as one. */
function baseLayers({ image, lowers }: LayeredRoot): readonly UnpackedLayer[] {
  const known = new Map(image?.layers.map((layer) => [layer.directory, layer]))
  return lowers
    .toReversed()
    .map(
      (directory) =>
        known.get(directory) ?? { key: `directory:${directory}`, directory, rootMode: undefined, markedByFiles: false },
    )
}
