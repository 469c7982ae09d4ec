/** Kinds of documents and blobs, as registries name them. */
export const mediaTypes = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
} as const

/** How a layer's tar is packed. */
export type LayerCompression = 'none' | 'gzip' | 'zstd'

/** What a layer's media type says. */
export interface LayerType {
  readonly compression: LayerCompression
  /** It is not in the registry, but at addresses that the manifest names. */
  readonly isForeign: boolean
  /** The name in OCI images. */
  readonly ociName: string
}

const compressions: readonly (readonly [docker: string, oci: string, LayerCompression])[] = [
  ['', '', 'none'],
  ['.gzip', '+gzip', 'gzip'],
  ['.zstd', '+zstd', 'zstd'],
]

const layerTypes: ReadonlyMap<string, LayerType> = new Map(
  compressions.flatMap(([docker, oci, compression]) => {
    const own = { compression, isForeign: false, ociName: `application/vnd.oci.image.layer.v1.tar${oci}` }
    const ociForeign = `application/vnd.oci.image.layer.nondistributable.v1.tar${oci}`
    const foreign = { compression, isForeign: true, ociName: ociForeign }
    return [
      [`application/vnd.docker.image.rootfs.diff.tar${docker}`, own],
      [`application/vnd.docker.image.rootfs.foreign.diff.tar${docker}`, foreign],
      [own.ociName, own],
      [foreign.ociName, foreign],
    ] as const
  }),
)

/** The names of layers in OCI images. */
export const ociLayerTypes: Readonly<Record<LayerCompression, string>> = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
}

/** Reads the media type of a layer; undefined when it is none that can be unpacked. */
export function layerType(mediaType: string): LayerType | undefined {
  return layerTypes.get(mediaType)
}

/** The OCI name of a Docker media type; any other is given back as it is. */
export function ociTypeOf(mediaType: string): string {
  if (mediaType === mediaTypes.dockerManifest) return mediaTypes.ociManifest
  if (mediaType === mediaTypes.dockerConfig) return mediaTypes.ociConfig
  return layerType(mediaType)?.ociName ?? mediaType
}
