import { AirplantError } from '../../errors.ts'
import { familiarName, parseReference } from '../reference.ts'
import type { ImageStore } from './image-store.ts'
import { imageUseKey } from './image-use.ts'
import type { StoredImage } from './image-table.ts'
import { tagsOf } from './list-images.ts'
import { repositoryOf } from './tag-image.ts'

/** What {@link ImageStore.removeImage} did, for docker's lines. */
export interface RemovedImage {
  /** Names that are gone, as docker shows them. */
  readonly untagged: readonly string[]
  /** IDs of images that are gone. */
  readonly deleted: readonly string[]
  /** Bytes that are free now. */
  readonly bytes: number
}

/** @see ImageStore.removeImage */
export async function removeImage(
  store: ImageStore,
  text: string,
  { force = false }: { force?: boolean },
): Promise<RemovedImage> {
  const used = await store.context.uses.all()
  let removed: Omit<RemovedImage, 'bytes'> = { untagged: [], deleted: [] }
  await store.index.change((entries) => {
    const image = store.require(text)
    const tags = tagsOf(image)
    const name = tags.find((tag) => tag === nameIn(text))
    if (name !== undefined && tags.length > 1) {
      removed = { untagged: [name].map(shown), deleted: [] }
      if (image.snapshot) store.records.write({ ...image.snapshot, names: tags.filter((tag) => tag !== name) })
      return entries.filter((entry) => entry.name !== name)
    }
    if (!force) checkFree(image, used, name === undefined)
    // Two manifests may share a configuration, which is what the ID names.
    const images = name === undefined ? store.table.all().filter(({ id }) => id === image.id) : [image]
    removed = { untagged: images.flatMap(tagsOf).map(shown), deleted: [image.id] }
    return withoutImages(store, images, entries)
  })
  const { bytes = 0 } = (await store.collectGarbage({ wait: false })) ?? {}
  return { ...removed, bytes }
}

/** The index without images, whose snapshot records are removed. The lock `index` is held. */
export function withoutImages<Entry extends { original: { digest: string } }>(
  store: ImageStore,
  images: readonly StoredImage[],
  entries: readonly Entry[],
): Entry[] {
  for (const { snapshot } of images) if (snapshot) store.records.remove(snapshot.id)
  const digests = new Set(images.map(({ descriptor }) => descriptor?.digest))
  return entries.filter(({ original }) => !digests.has(original.digest))
}

function nameIn(text: string): string | undefined {
  try {
    const { registry, repository, tag, digest } = parseReference(text)
    return digest === undefined ? `${registry}/${repository}:${tag}` : undefined
  } catch {
    return undefined // an ID
  }
}

/** As docker shows a full name. */
export function shown(name: string): string {
  return familiarName(parseReference(name))
}

function checkFree(image: StoredImage, used: ReadonlySet<string>, isById: boolean): void {
  const repositories = new Set(tagsOf(image).map(repositoryOf))
  const id = image.id.slice('sha256:'.length, 'sha256:'.length + 12)
  if (isById && repositories.size > 1) {
    throw new AirplantError({
      code: 'ERR_IN_USE',
      phase: 'store',
      message: `Cannot remove the image ${id}: it has names in ${repositories.size} repositories`,
      hint: 'Remove the names one by one, or force it',
    })
  }
  if (!used.has(imageUseKey(image.id))) return
  throw new AirplantError({
    code: 'ERR_IN_USE',
    phase: 'store',
    message: `Cannot remove the image ${id}: a container uses it`,
    hint: 'Stop its containers first; forced, its name is removed now and its layers when they have ended',
  })
}
