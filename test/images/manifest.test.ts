import { describe, expect, test } from 'vitest'
import { mediaTypes, ociTypeOf } from '../../src/images/media-types.ts'
import { LARGEST_DOCUMENT, parseManifest } from '../../src/images/manifest.ts'

const digest = `sha256:${'a'.repeat(64)}`
const ociLayer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 10 }
const oci = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: mediaTypes.ociConfig, digest, size: 2 },
  layers: [ociLayer],
}
const docker = {
  schemaVersion: 2,
  mediaType: mediaTypes.dockerManifest,
  config: { mediaType: mediaTypes.dockerConfig, digest, size: 2 },
  layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', digest, size: 10 }],
}
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [
    {
      mediaType: mediaTypes.ociManifest,
      digest,
      size: 5,
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    },
  ],
}

function parse(document: unknown, contentType?: string): ReturnType<typeof parseManifest> {
  return parseManifest(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), contentType)
}

function refusal(document: unknown, contentType?: string): string {
  try {
    parse(document, contentType)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_INVALID_IMAGE' })
    return (error as Error).message
  }
  throw new Error('It was accepted')
}

test('manifests and indexes of both families are read', () => {
  expect(parse(oci)).toMatchObject({ kind: 'manifest', layers: [{ ...ociLayer, isForeign: false }] })
  expect(parse(docker, mediaTypes.dockerManifest)).toMatchObject({
    kind: 'manifest',
    mediaType: mediaTypes.dockerManifest,
  })
  expect(parse(index)).toMatchObject({ kind: 'index', manifests: [{ platform: { variant: 'v8' } }] })
  expect(parse({ ...index, mediaType: mediaTypes.dockerList }, mediaTypes.dockerList).kind).toBe('index')
})

test('a document without a media type is what it was sent as, or what it looks like', () => {
  const { mediaType: _, ...bare } = oci
  expect(parse(bare).mediaType).toBe(mediaTypes.ociManifest)
  expect(parse(bare, 'application/json; charset=utf-8').mediaType).toBe(mediaTypes.ociManifest)
  expect(parse(bare, mediaTypes.dockerManifest).mediaType).toBe(mediaTypes.dockerManifest)
})

describe('what could be taken for something else is refused', () => {
  test('by another Content-Type', () => {
    expect(refusal(oci, mediaTypes.ociIndex)).toContain('was sent as')
    expect(refusal(docker, mediaTypes.ociManifest)).toContain('was sent as')
    expect(refusal('{}', 'text/html')).toContain('no kind of image')
  })
  test('by both layers and manifests', () => {
    expect(refusal({ ...oci, manifests: index.manifests })).toContain('could be an image or an index')
    expect(refusal({ ...index, layers: oci.layers })).toContain('could be an image or an index')
    expect(refusal({ ...index, Layers: oci.layers })).toContain('in other letters')
  })
})

test('schema 1 is refused with what to do', () => {
  expect(refusal({ schemaVersion: 1, fsLayers: [] })).toMatch(/schema 1.*\nHint: .*skopeo copy/)
  expect(refusal({}, mediaTypes.dockerSchema1Signed)).toContain('schema 1')
})

test('artifacts are told from images', () => {
  const helm = { ...oci, config: { ...oci.config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } }
  expect(refusal(helm)).toContain('vnd.cncf.helm.config.v1+json')
  expect(refusal({ schemaVersion: 2, mediaType: mediaTypes.ociArtifact })).toContain('no kind of image')
})

test('layers that are elsewhere are marked, those of unknown kinds refused', () => {
  const foreign = {
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    digest,
    size: 1,
    urls: ['http://169.254.169.254/'],
  }
  const manifest = parse({ ...docker, layers: [foreign] })
  expect(manifest.kind === 'manifest' && manifest.layers).toEqual([
    { mediaType: foreign.mediaType, digest, size: 1, isForeign: true },
  ])
  expect(refusal({ ...oci, layers: [{ ...ociLayer, mediaType: 'application/x-tar+xz' }] })).toContain(
    'layers[0].mediaType',
  )
  expect(refusal({ ...oci, layers: [{ ...ociLayer, mediaType: `${ociLayer.mediaType}+encrypted` }] })).toContain(
    'encrypted',
  )
})

test('every field is checked', () => {
  const withLayer = (part: object): unknown => ({ ...oci, layers: [{ ...ociLayer, ...part }] })
  expect(refusal(withLayer({ digest: 'sha256:../../../etc/passwd' }))).toContain('layers[0].digest')
  expect(refusal(withLayer({ digest: `sha256:${'A'.repeat(64)}` }))).toContain('upper-case')
  for (const size of [-1, 1.5, '10', 2 ** 53, 2 ** 50, null])
    expect(refusal(withLayer({ size }))).toContain('layers[0].size')
  expect(refusal({ ...oci, layers: Array(501).fill(ociLayer) })).toContain('500 are the most')
  expect(refusal({ ...oci, layers: {} })).toContain('"layers"')
  expect(refusal({ ...oci, layers: [1] })).toContain('"layers[0]" is not an object')
  expect(refusal({ ...oci, config: undefined })).toContain('"config" is missing')
  expect(refusal({ ...oci, config: { ...oci.config, size: LARGEST_DOCUMENT + 1 } })).toContain('config.size')
  expect(refusal({ ...oci, schemaVersion: 3 })).toContain('schemaVersion')
  expect(refusal('[]')).toContain('not a JSON object')
  expect(refusal('<html>')).toContain('not JSON')
  expect(refusal(' '.repeat(LARGEST_DOCUMENT + 1))).toContain('are the most')
  expect(() => parseManifest(Buffer.from([0x7b, 0xff, 0x7d]))).toThrow('not JSON')
})

test('names that JavaScript has a meaning for are only names', () => {
  const text = JSON.stringify(oci).replace('{', '{"annotations":{"__proto__":"x","constructor":"y"},')
  const { annotations } = parse(text)
  expect(Object.entries(annotations)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
})

test('Docker media types have OCI names', () => {
  expect(ociTypeOf(mediaTypes.dockerManifest)).toBe(mediaTypes.ociManifest)
  expect(ociTypeOf('application/vnd.docker.image.rootfs.diff.tar.gzip')).toBe(ociLayer.mediaType)
  expect(ociTypeOf('application/vnd.docker.image.rootfs.foreign.diff.tar')).toBe(
    'application/vnd.oci.image.layer.nondistributable.v1.tar',
  )
  expect(ociTypeOf(ociLayer.mediaType)).toBe(ociLayer.mediaType)
})
