import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { mediaTypes } from '../../src/images/media-types.ts'
import { startHostileRegistry, type HostileRegistry, type SeenRequest } from './hostile-registry.ts'
import { configOf } from './image-bench.ts'
import { sha256 } from './layers.ts'

/** A blob or manifest with what names it. */
export interface Served {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly bytes: Buffer
}

/** An image as a registry has it. */
export interface ServedImage {
  readonly manifest: Served
  readonly config: Served
  readonly layers: readonly Served[]
}

/** How an image is put together. */
export interface ImageOptions {
  /** @default 'oci' */
  readonly kind?: 'docker' | 'oci'
  /** Packs a layer; the media type has to say the same. @default gzip */
  readonly pack?: (archive: Buffer, index: number) => { readonly bytes: Buffer; readonly suffix: '' | 'gzip' | 'zstd' }
  readonly config?: object
  /** Changes a document before it is named by its digest. */
  readonly change?: (manifest: Record<string, unknown>) => void
  readonly changeConfig?: (config: Record<string, unknown>) => void
}

export function served(mediaType: string, bytes: Buffer): Served {
  return { mediaType, digest: sha256(bytes), size: bytes.length, bytes }
}

/** What a manifest says of a blob. */
export function descriptorOf({ mediaType, digest, size }: Served): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size }
}

/** Makes an image of tar archives, lowest first. */
export function imageOf(archives: readonly Buffer[], options: ImageOptions = {}): ServedImage {
  const { kind = 'oci', pack = (archive: Buffer) => ({ bytes: gzipSync(archive), suffix: 'gzip' as const }) } = options
  const isDocker = kind === 'docker'
  const layers = archives.map((archive, index) => {
    const { bytes, suffix } = pack(archive, index)
    const type = isDocker ? 'application/vnd.docker.image.rootfs.diff.tar' : 'application/vnd.oci.image.layer.v1.tar'
    return served(`${type}${suffix && `${isDocker ? '.' : '+'}${suffix}`}`, bytes)
  })
  const document = JSON.parse(configOf(archives.map(sha256), options.config).toString()) as Record<string, unknown>
  options.changeConfig?.(document)
  const config = served(
    isDocker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    Buffer.from(JSON.stringify(document)),
  )
  const mediaType = isDocker ? mediaTypes.dockerManifest : mediaTypes.ociManifest
  const manifest: Record<string, unknown> = { schemaVersion: 2, mediaType, config: descriptorOf(config) }
  manifest['layers'] = layers.map(descriptorOf)
  options.change?.(manifest)
  return { manifest: served(mediaType, Buffer.from(JSON.stringify(manifest))), config, layers }
}

/** An index or Docker list of images. */
export function indexOf(
  images: readonly { readonly image: ServedImage; readonly platform?: object; readonly annotations?: object }[],
  kind: 'docker' | 'oci' = 'oci',
): Served {
  const mediaType = kind === 'docker' ? mediaTypes.dockerList : mediaTypes.ociIndex
  const manifests = images.map(({ image, ...more }) => ({ ...descriptorOf(image.manifest), ...more }))
  return served(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests })))
}

/** Answers a request in another way than the registry would. @returns whether it did */
export type Intervention = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>

/** A registry in this process, whose content and answers a test chooses; it can be pulled from only. */
export class ImageRegistry implements AsyncDisposable {
  readonly host: string
  readonly #server: HostileRegistry
  readonly #content: Map<string, Served>
  readonly #intervention: { current?: Intervention | undefined }

  private constructor(
    server: HostileRegistry,
    content: Map<string, Served>,
    intervention: { current?: Intervention | undefined },
  ) {
    this.#intervention = intervention
    this.#server = server
    this.#content = content
    this.host = server.host
  }

  static async start(): Promise<ImageRegistry> {
    const content = new Map<string, Served>()
    const intervention: { current?: Intervention | undefined } = {}
    const server = await startHostileRegistry(async (request, response) => {
      if (await intervention.current?.(request, response)) return
      answer(content, request, response)
    })
    return new ImageRegistry(server, content, intervention)
  }

  /** Asked before the content is. */
  set intervene(intervention: Intervention | undefined) {
    this.#intervention.current = intervention
  }

  /** Paths that were asked for with GET, but those of the API's root. */
  get asked(): readonly string[] {
    return this.requests.filter(({ method, url }) => method === 'GET' && url !== '/v2/').map(({ url }) => url)
  }

  get requests(): readonly SeenRequest[] {
    return this.#server.requests
  }

  /** Gives an image or index a name. @param name `'team/app:1'` @returns it with the registry's host */
  serve(name: string, image: ServedImage | Served, ...others: readonly ServedImage[]): string {
    const [repository = '', tag = 'latest'] = name.split(':')
    const top = 'manifest' in image ? image.manifest : image
    this.#content.set(`/v2/${repository}/manifests/${tag}`, top)
    this.#content.set(`/v2/${repository}/manifests/${top.digest}`, top)
    for (const { manifest, config, layers } of [...('manifest' in image ? [image] : []), ...others]) {
      this.#content.set(`/v2/${repository}/manifests/${manifest.digest}`, manifest)
      for (const blob of [config, ...layers]) this.#content.set(`/v2/${repository}/blobs/${blob.digest}`, blob)
    }
    return `${this.host}/${name}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }
}

function answer(content: ReadonlyMap<string, Served>, request: IncomingMessage, response: ServerResponse): void {
  const found = content.get(request.url ?? '')
  if (!found) {
    response.writeHead(request.url === '/v2/' ? 200 : 404, { 'content-type': 'application/json' })
    response.end('{}')
    return
  }
  const isBlob = request.url!.includes('/blobs/')
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
  const start = isBlob && from !== undefined ? Number(from) : 0
  response.writeHead(start > 0 ? 206 : 200, {
    'content-type': isBlob ? 'application/octet-stream' : found.mediaType,
    'content-length': found.bytes.length - start,
    ...(start > 0 && { 'content-range': `bytes ${start}-${found.bytes.length - 1}/${found.bytes.length}` }),
  })
  response.end(request.method === 'HEAD' ? undefined : found.bytes.subarray(start))
}
