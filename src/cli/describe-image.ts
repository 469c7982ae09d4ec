import type { ImageStore } from '../images/store/image-store.ts'
import type { StoredImage } from '../images/store/image-table.ts'
import { tagsOf } from '../images/store/list-images.ts'
import { repositoryOf } from '../images/store/tag-image.ts'
import { familiarName, parseReference } from '../images/reference.ts'

/** What `airplant inspect` prints of an image, in docker's names. */
export function describeImage(store: ImageStore, image: StoredImage): Record<string, unknown> {
  const { id, config, layers, names, digests } = image
  const { os, architecture, variant } = config.platform
  const digest = digests.at(-1)
  const repositories = [...new Set(names.map(repositoryOf))]
  return {
    Id: id,
    RepoTags: tagsOf(image).map((name) => familiarName(parseReference(name))),
    RepoDigests: digest === undefined ? [] : repositories.map((name) => `${repositoryName(name)}@${digest}`),
    Parent: '',
    Comment: config.history.at(-1)?.comment ?? '',
    Created: config.created ?? '',
    Author: config.author ?? '',
    Architecture: architecture,
    ...(variant !== undefined && { Variant: variant }),
    Os: os,
    Size: layers.reduce((sum, key) => sum + (store.layers.facts(key)?.bytes ?? 0), 0),
    Config: config.document['config'] ?? {},
    GraphDriver: { Name: 'overlay', Data: directoriesOf(store, layers) },
    RootFS: { Type: 'layers', Layers: layers },
    Metadata: {},
  }
}

function repositoryName(name: string): string {
  return familiarName(parseReference(name, { defaultTag: false }))
}

/** Where its layers are unpacked, as overlayfs is told: the top one first. */
function directoriesOf(store: ImageStore, layers: readonly string[]): Record<string, string> {
  const directories = layers.map((key) => store.layers.find(key)?.directory)
  if (directories.length === 0 || directories.includes(undefined)) return {}
  return { LowerDir: directories.toReversed().join(':') }
}
