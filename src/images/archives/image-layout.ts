import type { Session } from '../../rootless/session.ts'
import type { Descriptor } from '../descriptor.ts'
import { isDigest, parseDigest } from '../digest.ts'
import { ociTypeOf } from '../media-types.ts'
import { packSnapshot } from '../pack-snapshot.ts'
import { familiarName, formatReference, parseReference, type Reference } from '../reference.ts'
import type { ImageStore } from '../store/image-store.ts'
import type { StoredImage } from '../store/image-table.ts'
import { ociTwin } from '../store/oci-twin.ts'

/** The files of an OCI layout for some images, in the order in which they are best written and read. */
export interface ImageLayout {
  readonly documents: readonly { readonly name: string; readonly bytes: Buffer }[]
  /** Blobs of the store, each once. */
  readonly blobs: readonly Descriptor[]
}

/** One image that was asked for. */
interface Wanted {
  readonly image: StoredImage
  /** The name by which it was asked for; undefined for IDs and digests. */
  readonly reference: Reference | undefined
}

/**
 * Lays images out. A snapshot gets its blobs first. With `manifest.json` it is what `docker save` writes since version 25: programs that know either form read
 * it.
 *
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`, and what {@link packSnapshot} throws
 */
export async function layOutImages(
  store: ImageStore,
  session: Session,
  names: readonly string[],
  { docker, signal }: { docker: boolean; signal?: AbortSignal | undefined },
): Promise<ImageLayout> {
  const wanted: Wanted[] = []
  for (const name of names) {
    const image = await packSnapshot(store, session, store.require(name), signal)
    wanted.push({ image, reference: referenceOf(name, image) })
  }
  const blobs = new Map<string, Descriptor>()
  const made = new Map<string, Buffer>()
  const entries = wanted.map((each) => indexEntry(store, each, made))
  for (const { image } of wanted) {
    for (const blob of [image.manifest!.config, ...image.manifest!.layers]) blobs.set(blob.digest, blob)
  }
  const documents = [
    { name: 'oci-layout', bytes: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', bytes: json({ schemaVersion: 2, manifests: entries }) },
    ...(docker ? [{ name: 'manifest.json', bytes: json(dockerManifest(wanted)) }] : []),
    ...[...made].map(([digest, bytes]) => ({ name: blobPath(digest), bytes })),
  ]
  return { documents, blobs: [...blobs.values()] }
}

/** Where a layout has a blob. */
export function blobPath(digest: string): string {
  const { algorithm, hex } = parseDigest(digest)
  return `blobs/${algorithm}/${hex}`
}

// skopeo does not see Docker's manifests in a layout.
function indexEntry(store: ImageStore, { image, reference }: Wanted, made: Map<string, Buffer>): object {
  const bytes = store.manifestBytes(image)!
  const { mediaType, digest, size } = image.descriptor!
  const twin = ociTwin(bytes, mediaType)
  const descriptor = twin?.descriptor ?? { mediaType: ociTypeOf(mediaType), digest, size }
  made.set(descriptor.digest, Buffer.from(twin?.bytes ?? bytes))
  if (!reference) return descriptor
  const name = formatReference(reference)
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name }
  return { ...descriptor, annotations }
}

/** Images asked for by several names come once. */
function dockerManifest(wanted: readonly Wanted[]): object[] {
  const byId = new Map<string, { Config: string; RepoTags: string[]; Layers: string[] }>()
  for (const { image, reference } of wanted) {
    const { config, layers } = image.manifest!
    const entry = byId.get(image.id) ?? {
      Config: blobPath(config.digest),
      RepoTags: [],
      Layers: layers.map(({ digest }) => blobPath(digest)),
    }
    if (reference) entry.RepoTags.push(familiarName(reference))
    byId.set(image.id, entry)
  }
  return [...byId.values()]
}

function referenceOf(name: string, { names }: StoredImage): Reference | undefined {
  if (isDigest(name) || /^(sha256:)?[0-9a-f]{2,64}$/.test(name)) {
    // "cafe" may be both.
    const full = name.includes(':') || name.length === 64 ? undefined : formatReference(parseReference(name))
    return full !== undefined && names.includes(full) ? parseReference(full) : undefined
  }
  const { registry, repository, tag } = parseReference(name)
  return tag === undefined ? undefined : { registry, repository, tag }
}

function json(document: object): Buffer {
  return Buffer.from(JSON.stringify(document))
}
