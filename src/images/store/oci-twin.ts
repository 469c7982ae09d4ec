import type { Descriptor } from '../descriptor.ts'
import { digestOf } from '../digest.ts'
import { mediaTypes, ociTypeOf } from '../media-types.ts'
import { parseManifest } from '../manifest.ts'

/** A manifest in the form that an OCI layout may have. */
export interface OciTwin {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/**
 * A Docker manifest with OCI's media types, over the same blobs. Tools that read OCI layouts do not see Docker's manifests in them
 * (skopeo and podman skip them when they look for a name), so the layout's index names the twin, and the original is kept beside it for the
 * digest that people know and for pushing.
 *
 * @returns undefined when the manifest is an OCI one already
 */
export function ociTwin(bytes: Uint8Array, mediaType: string): OciTwin | undefined {
  if (mediaType !== mediaTypes.dockerManifest) return undefined
  const manifest = parseManifest(bytes, mediaType)
  if (manifest.kind !== 'manifest') return undefined
  const translate = ({ mediaType: type, digest, size }: Descriptor): Descriptor => ({
    mediaType: ociTypeOf(type),
    digest,
    size,
  })
  const twin = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: translate(manifest.config),
      layers: manifest.layers.map(translate),
    }),
  )
  const digest = digestOf(twin)
  return { descriptor: { mediaType: mediaTypes.ociManifest, digest, size: twin.length }, bytes: twin }
}
