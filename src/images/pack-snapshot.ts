import { AirplantError } from '../errors.ts'
import type { FileItem } from '../rootless/files/file-channel.ts'
import { FileWorker } from '../rootless/files/file-worker.ts'
import type { Session } from '../rootless/session.ts'
import type { Descriptor } from './descriptor.ts'
import { digestOf } from './digest.ts'
import { packLayer } from './layers/pack-layer.ts'
import { parseManifest } from './manifest.ts'
import { mediaTypes, ociTypeOf } from './media-types.ts'
import { parseReference } from './reference.ts'
import type { ImageStore } from './store/image-store.ts'
import type { StoredImage } from './store/image-table.ts'
import type { LayerFacts } from './store/layer-record.ts'

/** A layer that has a blob. */
interface PackedBlob {
  readonly descriptor: Descriptor
  readonly diffId: string
}

/**
 * Gives an image that was made by renames what registries and archives need: blobs of its layers, their diff IDs, and a manifest. This is
 * the part that takes time, and the image's ID is another one afterwards; its names move to it.
 *
 * @returns the image as it is now; the same one when it had all that
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND` when its layers are gone, `ERR_DISK_FULL`, `ERR_STORE`, `ERR_ABORTED`
 */
export async function packSnapshot(
  store: ImageStore,
  session: Session,
  image: StoredImage,
  signal?: AbortSignal,
): Promise<StoredImage> {
  if (!image.snapshot) return image
  const { config, layers, names } = image
  return await store.withLock('collect', { shared: true, signal }, async () => {
    const packed: PackedBlob[] = []
    for (const key of layers) packed.push(await packLayerOf(store, session, key, signal))
    const document = { ...config.document, rootfs: { type: 'layers', diff_ids: packed.map(({ diffId }) => diffId) } }
    const own = await putJson(store, document, mediaTypes.ociConfig)
    const content = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: own,
      layers: packed.map(descriptorOf),
    }
    const descriptor = await putJson(store, content, mediaTypes.ociManifest)
    for (const name of names) await store.tag(parseReference(name), descriptor)
    if (names.length > 0) return store.require(descriptor.digest)
    const manifest = parseManifest(Buffer.from(JSON.stringify(content)), mediaTypes.ociManifest)
    return { ...image, id: own.digest, descriptor, ...(manifest.kind === 'manifest' && { manifest }) }
  })
}

/** The blob of a layer, an earlier one where it is still there. */
async function packLayerOf(
  store: ImageStore,
  session: Session,
  key: string,
  signal: AbortSignal | undefined,
): Promise<PackedBlob> {
  const known = key.startsWith('snapshot:') ? undefined : blobOf(store, key)
  if (known) return { descriptor: known, diffId: key }
  const layer = store.layers.find(key)
  if (!layer) throw missingLayer(key)
  await using worker = await FileWorker.start(session, { kind: 'directory', path: layer.directory })
  const channel = await worker.connect()
  const items = owned(channel.read('', { raw: true, closing: true }), store.layers.facts(key)?.owner)
  const packed = packLayer(items, { compression: 'gzip' })
  const end = (): void => void packed.stream.destroy(new Error('Aborted'))
  signal?.addEventListener('abort', end)
  try {
    if (signal?.aborted) end()
    const { digest, size } = await store.blobs.add(packed.stream)
    const { diffId, mediaType } = await packed.result
    return { descriptor: { mediaType, digest, size }, diffId }
  } catch (error) {
    throw signal?.aborted ? aborted(key, signal) : error
  } finally {
    signal?.removeEventListener('abort', end)
    channel.close()
  }
}

async function* owned(items: AsyncIterable<FileItem>, owner: LayerFacts['owner']): AsyncGenerator<FileItem> {
  for await (const { entry, data } of items) yield { entry: { ...entry, ...owner }, data }
}

/** What a manifest in the store says of the layer with this diff ID. */
function blobOf(store: ImageStore, diffId: string): Descriptor | undefined {
  for (const { manifest, config } of store.table.all()) {
    const layer = manifest?.layers[config.diffIds.indexOf(diffId)]
    if (!layer || !store.blobs.has(layer.digest, layer.size)) continue
    const { mediaType, digest, size } = layer
    return { mediaType: ociTypeOf(mediaType), digest, size }
  }
  return undefined
}

function descriptorOf({ descriptor }: PackedBlob): Descriptor {
  return descriptor
}

async function putJson(store: ImageStore, document: object, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document))
  const digest = digestOf(bytes)
  await store.blobs.put(digest, bytes)
  return { mediaType, digest, size: bytes.length }
}

function aborted(key: string, { reason }: AbortSignal): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    phase: 'store',
    message: `Cannot pack the layer ${key}: it was aborted`,
    hint: 'Give it more time, or look what fired the signal',
    cause: reason,
  })
}

function missingLayer(key: string): AirplantError {
  return new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    phase: 'store',
    message: `Cannot pack the layer ${key}: it is not in the store any more`,
    hint: 'Somebody removed it; make the image again',
  })
}
