// An OCI image layout, written by hand: the specification's own few files.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
}

/** An empty layout at `directory`. */
export function makeLayout(directory) {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true })
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
}

/** Writes the layout's list of names; `named` is a list of `{ name, descriptor }`. */
export function writeNames(directory, named) {
  const manifests = named.map(({ name, descriptor }) => ({
    ...descriptor,
    annotations: { 'org.opencontainers.image.ref.name': name },
  }))
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
}

/**
 * Writes configuration and manifest of an image of `layers` (as `writeLayer` gives them, each with its `history`), and
 * gives the manifest's descriptor.
 */
export function writeImage(directory, { architecture, layers, config }) {
  const created = new Date().toISOString()
  const history = layers.map((layer) => ({ created, created_by: layer.history }))
  const defaults = Object.keys(config)
    .filter((key) => key !== 'Env')
    .map((key) => ({ created, created_by: `${key.toUpperCase()} ${JSON.stringify(config[key])}`, empty_layer: true }))
  const configBlob = writeJson(directory, types.config, {
    created,
    architecture,
    os: 'linux',
    ...(architecture === 'arm64' ? { variant: 'v8' } : {}),
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [...history, ...defaults],
  })
  return writeJson(directory, types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: configBlob,
    layers: layers.map(({ digest, size, compression }) => ({ mediaType: types[compression], digest, size })),
  })
}

/** Writes an index of `{ descriptor, platform }` and gives its descriptor. */
export function writeIndex(directory, members) {
  const manifests = members.map(({ descriptor, platform }) => ({ ...descriptor, platform }))
  return writeJson(directory, types.index, { schemaVersion: 2, mediaType: types.index, manifests })
}

function writeJson(directory, mediaType, value) {
  const bytes = Buffer.from(JSON.stringify(value))
  const hex = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(directory, 'blobs/sha256', hex), bytes)
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
}
