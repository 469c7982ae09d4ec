import type { Descriptor, Platform } from '../descriptor.ts'
import { parseDigest } from '../digest.ts'
import { JsonFields } from '../json-fields.ts'
import type { ImageIndex, Manifest } from '../manifest.ts'
import { LARGEST_DOCUMENT, parseManifest, readDescriptor } from '../manifest.ts'
import { mediaTypes } from '../media-types.ts'
import { choosePlatform } from '../platform.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { ImageStore } from '../store/image-store.ts'
import { incomplete, requireFile, type ArchiveFile, type ArchiveFiles } from './archive-files.ts'
import type { ArchivedBlob, ArchivedImage } from './archived-image.ts'
import { readDocument } from './read-file.ts'

const REF_NAME = 'org.opencontainers.image.ref.name'
const CONTAINERD_NAME = 'io.containerd.image.name'

/** Indexes within indexes; more is nobody's real image. */
const MOST_DEPTH = 4

/**
 * Reads an OCI image layout. Of images for several platforms the fitting one is taken.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`, `ERR_INVALID_IMAGE`, `ERR_PLATFORM_MISSING`
 */
export async function readOciLayout(
  store: ImageStore,
  files: ArchiveFiles,
  platform: Platform,
): Promise<ArchivedImage[]> {
  const bytes = await readDocument(store, files, await requireFile(files, 'index.json'))
  const fields = JsonFields.parse(bytes, 'index.json', LARGEST_DOCUMENT)
  const entries = (fields.list('manifests', 2000) ?? []).map(readDescriptor)
  const images: ArchivedImage[] = []
  for (const group of groups(entries)) {
    const { descriptor, manifest, bytes: document } = await resolve(store, files, group, platform)
    images.push({
      names: [...new Set(group.flatMap(nameOf))],
      labels: group.flatMap(({ annotations }) => [annotations?.[REF_NAME] ?? []].flat()),
      manifest: { bytes: document, descriptor },
      config: await blob(files, manifest.config),
      layers: await Promise.all(manifest.layers.map((layer) => blob(files, layer))),
    })
  }
  return images
}

/** Entries of one name are one image for several platforms, and so are those without names that say their platform. */
function groups(entries: readonly Descriptor[]): Descriptor[][] {
  const byName = new Map<string, Descriptor[]>()
  for (const entry of entries) {
    if (entry.annotations?.['vnd.docker.reference.type'] !== undefined) continue
    const [name = entry.platform && !entry.annotations?.[REF_NAME] ? '' : entry.digest] = nameOf(entry)
    byName.set(name, [...(byName.get(name) ?? []), entry])
  }
  return [...byName.values()]
}

interface Resolved {
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  readonly bytes: Buffer
}

async function resolve(
  store: ImageStore,
  files: ArchiveFiles,
  entries: readonly Descriptor[],
  platform: Platform,
): Promise<Resolved> {
  let index: Pick<ImageIndex, 'manifests'> = { manifests: entries }
  for (let depth = 0; depth < MOST_DEPTH; depth++) {
    const only = depth === 0 && index.manifests.length === 1 ? index.manifests[0]! : undefined
    const entry =
      only ?? choosePlatform({ kind: 'index', mediaType: mediaTypes.ociIndex, annotations: {}, ...index }, platform)
    const bytes = await readDocument(store, files, await requireFile(files, pathOf(entry)))
    const parsed = parseManifest(bytes, entry.mediaType)
    const { mediaType, digest, size } = entry
    if (parsed.kind === 'manifest') return { descriptor: { mediaType, digest, size }, manifest: parsed, bytes }
    index = parsed
  }
  throw incomplete(files, 'its indexes lead only to indexes')
}

/** Full names. `latest` alone, as skopeo writes it, is the tag of a name that nobody knows. */
function nameOf({ annotations = {} }: Descriptor): string[] {
  const name = annotations[CONTAINERD_NAME] ?? annotations[REF_NAME]
  if (name === undefined || !/[/:]/.test(name)) return []
  try {
    return [formatReference(parseReference(name))]
  } catch {
    // The specification allows other names.
    return []
  }
}

function pathOf({ digest }: Descriptor): string {
  const { algorithm, hex } = parseDigest(digest)
  return `blobs/${algorithm}/${hex}`
}

async function blob(files: ArchiveFiles, descriptor: Descriptor): Promise<ArchivedBlob> {
  const file: ArchiveFile = await requireFile(files, pathOf(descriptor))
  return { descriptor, file }
}
