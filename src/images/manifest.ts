import { AirplantError } from '../errors.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import { digestFault, isDigest } from './digest.ts'
import { JsonFields } from './json-fields.ts'
import { layerType, mediaTypes } from './media-types.ts'
import { quoteBriefly } from './quote-briefly.ts'

/** Layers that an overlay can have (the kernel's limit). */
export const MOST_LAYERS = 500

/** Bytes of a manifest, index or configuration; what the distribution specification asks registries to take. */
export const LARGEST_DOCUMENT = 4 * 1024 ** 2

const MOST_MANIFESTS = 2000
const MOST_BLOB_BYTES = 1024 ** 4

/** A layer as a manifest names it. */
export interface LayerDescriptor extends Descriptor {
  /** It is to come from an address that the manifest names, which nobody may make us ask (CVE-2020-15157): it can only be refused. */
  readonly isForeign: boolean
}

/** An image for one platform. */
export interface Manifest {
  readonly kind: 'manifest'
  readonly mediaType: string
  readonly config: Descriptor
  /** Lowest first. */
  readonly layers: readonly LayerDescriptor[]
  readonly annotations: Readonly<Record<string, string>>
}

/** One image for several platforms. */
export interface ImageIndex {
  readonly kind: 'index'
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly annotations: Readonly<Record<string, string>>
}

/**
 * Reads a Docker (v2, schema 2) or OCI manifest, Docker list or OCI index, and checks all of it that is used later. What it is, is said by
 * both the answer's Content-Type and the document itself; they have to agree, and a document that could be read as either is refused
 * (CVE-2021-41190).
 *
 * @param contentType as the registry said it, or the media type of the descriptor that led here; undefined when nobody says
 * @throws {AirplantError} `ERR_INVALID_IMAGE`
 * @example
 * const parsed = parseManifest(bytes, 'application/vnd.oci.image.index.v1+json')
 * if (parsed.kind === 'index') choosePlatform(parsed)
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest | ImageIndex {
  const fields = JsonFields.parse(bytes, 'the manifest', LARGEST_DOCUMENT)
  checkAmbiguity(fields)
  const mediaType = agreedType(fields, contentType)
  if (fields.count('schemaVersion') !== 2) throw fields.wrong('schemaVersion', 'is not 2')
  if (mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList) return readIndex(fields, mediaType)
  return readManifest(fields, mediaType)
}

// Go reads names of fields whatever their case, so a document could show one face to us and another to a registry's scanner.
const telling = ['mediaType', 'schemaVersion', 'config', 'layers', 'manifests', 'fsLayers', 'subject', 'artifactType']

function checkAmbiguity(fields: JsonFields): void {
  for (const name of Object.keys(fields.object)) {
    const meant = telling.find((each) => each.toLowerCase() === name.toLowerCase())
    if (meant !== undefined && meant !== name) throw fields.wrong(name, `is "${meant}" in other letters`)
  }
  if (fields.has('manifests') && (fields.has('layers') || fields.has('config') || fields.has('fsLayers'))) {
    throw fields.wrong('manifests', 'is there as well as layers: it could be an image or an index')
  }
}

/** Says nothing of the kind. Some registries and all plain web servers send such. */
const vague = new Set(['', 'application/json', 'application/octet-stream', 'text/plain', 'binary/octet-stream'])

const known = new Set<string>([
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
])

function agreedType(fields: JsonFields, contentType = ''): string {
  const said = contentType.split(';')[0]!.trim().toLowerCase()
  const own = fields.text('mediaType')
  refuseOldKinds(fields, said, own)
  const sent = vague.has(said) ? undefined : said
  if (sent !== undefined && own !== undefined && sent !== own) {
    throw fields.wrong('mediaType', `is ${quoteBriefly(own)}, but it was sent as ${quoteBriefly(sent)}`)
  }
  const agreed = sent ?? own ?? (fields.has('manifests') ? mediaTypes.ociIndex : mediaTypes.ociManifest)
  if (!known.has(agreed)) throw unknownKind(agreed)
  return agreed
}

function refuseOldKinds(fields: JsonFields, ...types: readonly (string | undefined)[]): void {
  const schema1: readonly (string | undefined)[] = [mediaTypes.dockerSchema1, mediaTypes.dockerSchema1Signed]
  const version = fields.object['schemaVersion']
  if (version === 1 || types.some((type) => type !== undefined && schema1.includes(type))) {
    throw new AirplantError({
      code: 'ERR_INVALID_IMAGE',
      message: "Cannot use the manifest: it has Docker's schema 1, which was given up in 2017",
      hint: 'Push the image again with a current Docker, podman or "skopeo copy --format v2s2"',
    })
  }
}

function unknownKind(mediaType: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    message: `Cannot use the manifest: ${quoteBriefly(mediaType)} is no kind of image`,
    hint: 'Check that the reference names an image, and that the registry (or a proxy before it) answers as one',
  })
}

function readManifest(fields: JsonFields, mediaType: string): Manifest {
  const config = fields.fields('config')
  if (!config) throw fields.wrong('config', 'is missing')
  const descriptor = readDescriptor(config)
  checkIsImage(fields, descriptor)
  if (descriptor.size > LARGEST_DOCUMENT) throw config.wrong('size', `is over ${LARGEST_DOCUMENT}`)
  const layers = fields.list('layers', MOST_LAYERS)
  if (!layers) throw fields.wrong('layers', 'is missing')
  return {
    kind: 'manifest',
    mediaType,
    config: descriptor,
    layers: layers.map(readLayer),
    annotations: fields.textMap('annotations') ?? {},
  }
}

function checkIsImage(fields: JsonFields, { mediaType }: Descriptor): void {
  if (mediaType === mediaTypes.dockerConfig || mediaType === mediaTypes.ociConfig) return
  const artifact = fields.text('artifactType') ?? mediaType
  throw new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    message: `Cannot use the manifest: it is of ${quoteBriefly(artifact)}, not of a container image`,
    hint: 'It may be a signature, a chart or another artifact: name an image',
  })
}

function readLayer(fields: JsonFields): LayerDescriptor {
  const descriptor = readDescriptor(fields)
  const type = layerType(descriptor.mediaType)
  if (type) return { ...descriptor, isForeign: type.isForeign }
  const isEncrypted = descriptor.mediaType.endsWith('+encrypted')
  const problem = isEncrypted ? 'is of an encrypted layer' : 'is no kind of layer that can be unpacked'
  throw fields.wrong('mediaType', `${quoteBriefly(descriptor.mediaType)} ${problem}`)
}

function readIndex(fields: JsonFields, mediaType: string): ImageIndex {
  const manifests = fields.list('manifests', MOST_MANIFESTS)
  if (!manifests) throw fields.wrong('manifests', 'is missing')
  return {
    kind: 'index',
    mediaType,
    manifests: manifests.map(readDescriptor),
    annotations: fields.textMap('annotations') ?? {},
  }
}

/** Reads `mediaType`, `digest`, `size` and what may come with them. */
export function readDescriptor(fields: JsonFields): Descriptor {
  const [mediaType, digest, size] = [fields.text('mediaType'), fields.text('digest'), fields.count('size')]
  if (mediaType === undefined) throw fields.wrong('mediaType', 'is missing')
  if (!isDigest(digest)) throw fields.wrong('digest', `is ${quoteBriefly(digest ?? 'missing')}: ${digestFault(digest)}`)
  if (size === undefined) throw fields.wrong('size', 'is missing')
  if (size > MOST_BLOB_BYTES) throw fields.wrong('size', `is ${size}, and ${MOST_BLOB_BYTES} are the most`)
  const platform = fields.fields('platform')
  const annotations = fields.textMap('annotations')
  return {
    mediaType,
    digest,
    size,
    ...(platform && { platform: readPlatform(platform) }),
    ...(annotations && { annotations }),
  }
}

function readPlatform(fields: JsonFields): Platform {
  const variant = fields.text('variant')
  return {
    os: fields.text('os') ?? '',
    architecture: fields.text('architecture') ?? '',
    ...(variant && { variant }),
  }
}
