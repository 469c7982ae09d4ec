import { AirplantError } from '../../errors.ts'
import { parseImageConfig } from '../config.ts'
import type { Descriptor } from '../descriptor.ts'
import { digestOf } from '../digest.ts'
import { JsonFields } from '../json-fields.ts'
import { detectCompression, MAGIC_BYTES } from '../layers/compression.ts'
import { LARGEST_DOCUMENT, MOST_LAYERS } from '../manifest.ts'
import { mediaTypes, ociLayerTypes } from '../media-types.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { ImageStore } from '../store/image-store.ts'
import { incomplete, requireFile, sizeOf, type ArchiveFile, type ArchiveFiles } from './archive-files.ts'
import type { ArchivedBlob, ArchivedImage } from './archived-image.ts'
import { readDocument, readStart } from './read-file.ts'

/** Images of one archive. */
const MOST_IMAGES = 1000

/**
 * Reads what `docker save` wrote before version 25, and podman, skopeo and others write still: `manifest.json` names the configurations and
 * layers. There is no manifest in it as registries know them, so one is made.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`, `ERR_INVALID_IMAGE`, `ERR_INVALID_REFERENCE`, `ERR_DIGEST_MISMATCH`
 */
export async function readDockerArchive(store: ImageStore, files: ArchiveFiles): Promise<ArchivedImage[]> {
  const bytes = await readDocument(store, files, await requireFile(files, 'manifest.json'))
  // It is a list, which JsonFields does not read at the top.
  const whole = Buffer.concat([Buffer.from('{"images":'), bytes, Buffer.from('}')])
  const images = JsonFields.parse(whole, 'manifest.json', LARGEST_DOCUMENT + 100).list('images', MOST_IMAGES) ?? []
  const found: ArchivedImage[] = []
  for (const image of images) found.push(await readImage(store, files, image))
  return found
}

async function readImage(store: ImageStore, files: ArchiveFiles, image: JsonFields): Promise<ArchivedImage> {
  const name = image.text('Config')
  const paths = image.texts('Layers') ?? []
  if (name === undefined) throw image.wrong('Config', 'is missing')
  if (paths.length > MOST_LAYERS)
    throw image.wrong('Layers', `has ${paths.length} items, and ${MOST_LAYERS} are the most`)
  const bytes = await readDocument(store, files, await requireFile(files, name))
  const { diffIds } = parseImageConfig(bytes)
  if (diffIds.length !== paths.length) {
    throw incomplete(files, `an image has ${paths.length} layers and ${diffIds.length} diff IDs`)
  }
  const config = memoryBlob(bytes, mediaTypes.ociConfig)
  checkName(name, config.descriptor.digest)
  const layers: ArchivedBlob[] = []
  for (const [index, path] of paths.entries()) {
    layers.push(await readLayer(store, await requireFile(files, path), diffIds[index]!))
  }
  const labels = image.texts('RepoTags') ?? []
  const names = labels.map((tag) => formatReference(parseReference(tag)))
  const manifest = makeManifest(
    config.descriptor,
    layers.map(({ descriptor }) => descriptor),
  )
  return { names, labels, config, layers, manifest }
}

async function readLayer(store: ImageStore, file: ArchiveFile, diffId: string): Promise<ArchivedBlob> {
  const compression = detectCompression(await readStart(store, file, MAGIC_BYTES))
  const digest = file.kind === 'blob' ? file.digest : digestOf(await readStart(store, file, sizeOf(file)))
  if (compression === 'none' && digest !== diffId) throw mismatch('a layer', digest, diffId)
  return { file, descriptor: { mediaType: ociLayerTypes[compression], digest, size: sizeOf(file) } }
}

/** The manifest of an image whose layers are as they are. The same image gives the same bytes. */
export function makeManifest(config: Descriptor, layers: readonly Descriptor[]): ArchivedImage['manifest'] {
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }
  const bytes = Buffer.from(JSON.stringify(document))
  return { bytes, descriptor: { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length } }
}

/** A blob that is in memory. */
export function memoryBlob(bytes: Buffer, mediaType: string): ArchivedBlob {
  return { file: { kind: 'memory', bytes }, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}

/** A configuration is named after its digest, wherever it comes from. */
function checkName(name: string, digest: string): void {
  const [, hex] = /(?:^|[/:])([0-9a-f]{64})(?:\.json)?$/.exec(name) ?? []
  if (hex !== undefined && `sha256:${hex}` !== digest) throw mismatch('the configuration', digest, `sha256:${hex}`)
}

function mismatch(what: string, found: string, said: string): AirplantError {
  return new AirplantError({
    code: 'ERR_DIGEST_MISMATCH',
    message: `Cannot load the image: ${what} has the digest ${found}, but ${said} was announced`,
    phase: 'store',
    hint: 'The archive was damaged or changed: make it again',
  })
}
