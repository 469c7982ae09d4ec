import type { ImageStore } from './image-store.ts'
import type { StoredImage } from './image-table.ts'
import { tagsOf } from './list-images.ts'
import { imageUseKey } from './image-use.ts'
import { shown, withoutImages } from './remove-image.ts'

/** Which images {@link ImageStore.prune} deletes. */
export interface ImagePruneOptions {
  /** Also images with a tag, unless a container uses them. Default false. */
  readonly all?: boolean
  /** Only images that were made before. */
  readonly until?: Date
  /** Only images for which it says true. */
  readonly filter?: (image: StoredImage) => boolean
  readonly signal?: AbortSignal | undefined
}

/** What {@link ImageStore.prune} deleted. */
export interface PrunedImages {
  /** IDs. */
  readonly images: readonly string[]
  /** Names that are gone, as docker shows them. */
  readonly untagged: readonly string[]
  readonly layers: number
  readonly blobs: number
  /** Bytes that are free now. */
  readonly bytes: number
}

/** @see ImageStore.prune */
export async function pruneImages(store: ImageStore, options: ImagePruneOptions): Promise<PrunedImages> {
  const used = await store.context.uses.all()
  let gone: readonly StoredImage[] = []
  await store.index.change((entries) => {
    gone = store.table.all().filter((image) => isGarbage(image, used, options))
    return gone.length > 0 ? withoutImages(store, gone, entries) : undefined
  })
  const collected = (await store.collectGarbage({ signal: options.signal }))!
  const partials = await store.blobs.removePartials({ all: true })
  return {
    images: [...new Set(gone.map(({ id }) => id))],
    untagged: gone.flatMap((image) => tagsOf(image).map(shown)),
    ...collected,
    bytes: collected.bytes + partials,
  }
}

function isGarbage(image: StoredImage, used: ReadonlySet<string>, options: ImagePruneOptions): boolean {
  if (used.has(imageUseKey(image.id))) return false
  if (!options.all && tagsOf(image).length > 0) return false
  const { created } = image.config
  if (options.until && !(created !== undefined && Date.parse(created) < options.until.getTime())) return false
  return options.filter?.(image) ?? true
}
