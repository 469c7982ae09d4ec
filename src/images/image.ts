import type { Platform } from './descriptor.ts'

/** An image whose layers are unpacked in the store, ready to be mounted. */
export interface LocalImage {
  /** Digest of the configuration, `'sha256:…'`: what docker shows as the image's ID. */
  readonly id: string
  /** Digest of the manifest; undefined for a snapshot that was never saved or pushed. */
  readonly digest: string | undefined
  readonly config: ImageConfig
  /** Lowest first. */
  readonly layers: readonly UnpackedLayer[]
}

/** A layer as a directory that an overlay can mount as a lower one. */
export interface UnpackedLayer {
  /** Name in the store: the diff ID, or `'snapshot:…'` where none was computed yet. */
  readonly key: string
  /** Its root, an absolute path. */
  readonly directory: string
  /** Permission bits of the layer's own root directory. Undefined when the layer does not say. */
  readonly rootMode: number | undefined
  /** Opaque directories are marked by files (`.wh..wh..opq`): the file system has no user xattrs, and the kernel's overlay cannot use it. */
  readonly markedByFiles: boolean
}

/** An image's configuration, checked; the OCI names of fields in lower camel case. */
export interface ImageConfig {
  readonly platform: Platform
  readonly created: string | undefined
  readonly author: string | undefined
  readonly env: readonly string[]
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  /** `''`: root. */
  readonly user: string
  readonly workdir: string
  /** `'5432/tcp'`. */
  readonly exposedPorts: readonly string[]
  readonly volumes: readonly string[]
  readonly stopSignal: string | undefined
  readonly healthcheck: Healthcheck | undefined
  readonly shell: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Lowest first. */
  readonly diffIds: readonly string[]
  readonly history: readonly HistoryEntry[]
  /** The JSON document as it is, for `inspect` and for images made from this one. */
  readonly document: Readonly<Record<string, unknown>>
}

/** How an image says whether its service is well. All times in ms. */
export interface Healthcheck {
  /** Program and arguments; a text for the shell comes as `[...shell, text]`. */
  readonly command: readonly string[]
  /** @default 30_000 */
  readonly interval: number
  /** @default 30_000 */
  readonly timeout: number
  /** Failures in this time from the start do not count. @default 0 */
  readonly startPeriod: number
  /** Time between checks during the start period. @default 5_000 */
  readonly startInterval: number
  /** Failures in a row that make it unhealthy. @default 3 */
  readonly retries: number
}

/** How a layer came about. */
export interface HistoryEntry {
  readonly created: string | undefined
  readonly createdBy: string | undefined
  readonly comment: string | undefined
  readonly author: string | undefined
  /** It changed the configuration only. */
  readonly emptyLayer: boolean
}
