import type { Platform } from '../descriptor.ts'
import { familiarName, parseReference } from '../reference.ts'
import type { ImageStore } from './image-store.ts'
import type { StoredImage } from './image-table.ts'
import { measureSnapshots } from './measure.ts'
import { repositoryOf } from './tag-image.ts'

/** A line of `airplant images`: one name of one image. */
export interface ListedImage {
  readonly id: string
  /** As docker shows it, `'postgres'`; undefined for an image that never had a name. */
  readonly repository: string | undefined
  readonly tag: string | undefined
  /** What its name stood for in the registry: the digest of an index, or of the manifest. */
  readonly digest: string | undefined
  /** ISO 8601. */
  readonly created: string | undefined
  /** Bytes of its unpacked layers, as far as they are unpacked. */
  readonly bytes: number
  readonly platform: Platform
  readonly labels: Readonly<Record<string, string>>
}

/** @see ImageStore.list */
export async function listImages(store: ImageStore): Promise<readonly ListedImage[]> {
  await measureSnapshots(store)
  const all = store.table.all().flatMap((image) => rowsOf(store, image))
  // A configuration can have several manifests: the image has a tag when one of them has.
  const tagged = new Set(all.filter(({ tag }) => tag !== undefined).map(({ id }) => id))
  const rows = all.filter(({ id, tag }) => tag !== undefined || !tagged.has(id))
  return rows.sort((one, other) => timeOf(other) - timeOf(one))
}

/** Names with a tag. */
export function tagsOf({ names }: Pick<StoredImage, 'names'>): string[] {
  return names.filter((name) => !name.includes('@'))
}

function rowsOf(store: ImageStore, image: StoredImage): ListedImage[] {
  const { id, config, layers, names, digests } = image
  const row = {
    id,
    digest: digests.at(-1),
    created: config.created,
    bytes: layers.reduce((sum, key) => sum + (store.layers.facts(key)?.bytes ?? 0), 0),
    platform: config.platform,
    labels: config.labels,
  }
  const tags = tagsOf(image)
  if (tags.length > 0) return tags.map((name) => ({ ...row, repository: repositoryName(name), tag: tagOf(name) }))
  const [name] = names
  return [{ ...row, repository: name === undefined ? undefined : repositoryName(name), tag: undefined }]
}

function repositoryName(name: string): string {
  return familiarName(parseReference(repositoryOf(name), { defaultTag: false }))
}

function tagOf(name: string): string | undefined {
  return parseReference(name).tag
}

function timeOf({ created }: ListedImage): number {
  return created === undefined ? 0 : Date.parse(created) || 0
}
