import type { Readable } from 'node:stream'
import { parseDigest } from '../digest.ts'
import type { Descriptor } from '../descriptor.ts'
import type { Reference } from '../reference.ts'
import { layerType } from '../media-types.ts'
import { formatReference } from '../reference.ts'
import { readBlob } from './blob-reader.ts'
import type { Credentials } from './credentials/credentials.ts'
import type { EndpointMemory, Tries } from './each-endpoint.ts'
import { eachEndpoint } from './each-endpoint.ts'
import { Exchange } from './exchange.ts'
import type { FetchedManifest } from './fetch-manifest.ts'
import { fetchManifest } from './fetch-manifest.ts'
import { listPages } from './list-pages.ts'
import { loadRegistriesConfig } from './load-registries-config.ts'
import type { Purpose } from './purpose.ts'
import { foreignLayer, purposeOf, purposeOfBlob, wholeOf } from './purpose.ts'
import type { PushOutcome } from './push-blob.ts'
import { blobExists, pushBlob } from './push-blob.ts'
import { putManifest } from './put-manifest.ts'
import type { RegistriesConfig } from './registries-config.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import { resolveEndpoints } from './resolve-endpoints.ts'
import { resumeBlob } from './resume-blob.ts'
import type { Retry, RetryOptions } from './retry.ts'
import type { SearchResult } from './search.ts'
import { listCatalog, searches, splitTerm } from './search.ts'
import { UploadSource } from './upload-source.ts'

/** How a {@link RegistryClient} asks. */
export interface RegistryClientOptions {
  readonly env: NodeJS.ProcessEnv
  /** @default what the configuration file and the environment say */
  readonly config?: RegistriesConfig | undefined
  /** Ends all that is under way. */
  readonly signal?: AbortSignal | undefined
  /** Hears of what failed and is tried again. */
  readonly onRetry?: ((retry: Retry) => void) | undefined
  /** Looks credentials up by registry and repository. @default `findCredentials` */
  readonly findCredentials?: ((registry: string, repository: string) => Promise<Credentials | undefined>) | undefined
  /** Milliseconds before the second try. @default 200 */
  readonly firstDelay?: number | undefined
  /** Milliseconds without a byte after which a connection is given up. @default 60_000 */
  readonly stallTimeout?: number | undefined
}

/** How a blob is pushed. */
export interface PushBlobOptions {
  /** Another repository of the same registry that may have the blob. */
  readonly mountFrom?: string | undefined
  /** Hears of bytes that were sent; fewer again after a cut. */
  readonly onProgress?: ((done: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Larger blobs go in chunks of so many bytes. @default 64 MiB */
  readonly chunkSize?: number | undefined
}

const CHUNK = 64 * 1024 ** 2

/**
 * Asks registries: the mirrors and the registry of each reference, with the credentials that are stored for them, again where something
 * passing failed. Nothing that it gives was verified but manifests' digests. Dispose it: its connections end then.
 *
 * Every call throws `ERR_REGISTRY_UNREACHABLE`, `ERR_REGISTRY_AUTH`, `ERR_CREDENTIAL_HELPER`, `ERR_RATE_LIMITED`, `ERR_REGISTRY_ANSWER`,
 * `ERR_INVALID_OPTION` (the configuration) and `ERR_ABORTED`, besides what it names itself.
 *
 * @example
 * await using client = new RegistryClient({ env: process.env })
 * const { bytes, mediaType, digest } = await client.getManifest(parseReference('postgres:17'))
 */
export class RegistryClient implements AsyncDisposable {
  readonly #options: RegistryClientOptions
  readonly #exchange: Exchange
  readonly #memory: EndpointMemory = { unreachable: new Map(), reached: new Set() }
  #config: Promise<RegistriesConfig> | undefined

  constructor(options: RegistryClientOptions) {
    this.#options = options
    const { env, findCredentials: find, stallTimeout } = options
    this.#exchange = new Exchange(env, { find, stallTimeout })
  }

  /**
   * A manifest or index, by digest if the reference has one.
   *
   * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`, `ERR_DIGEST_MISMATCH`, `ERR_INVALID_IMAGE` (the format of 2014)
   */
  async getManifest(reference: Reference): Promise<FetchedManifest> {
    if (reference.digest !== undefined) parseDigest(reference.digest)
    const purpose = purposeOf('pull', formatReference(reference), reference)
    return this.#ask(purpose, await this.#endpoints(reference), undefined, (endpoint, retry) =>
      fetchManifest(this.#exchange, endpoint, reference, retry),
    )
  }

  /**
   * The bytes of a blob from an offset to its end: not verified, but never more than its size. What is cut goes on where it was.
   *
   * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`; while reading also `ERR_DIGEST_MISMATCH` (another size)
   */
  async openBlob(
    reference: Reference,
    descriptor: Descriptor,
    { offset = 0, signal }: { offset?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<AsyncIterable<Buffer>> {
    parseDigest(descriptor.digest)
    if (offset >= descriptor.size) return none()
    const purpose = purposeOfBlob('pull', reference, descriptor)
    const endpoints = await this.#endpoints({ ...reference, digest: descriptor.digest })
    const { stallTimeout } = this.#options
    const open = (from: number): ReturnType<Parameters<typeof resumeBlob>[0]['open']> =>
      this.#ask(purpose, endpoints, signal, async (endpoint, retry) => {
        const part = await readBlob(this.#exchange, endpoint, { descriptor, offset: from, stallTimeout }, retry)
        return { ...part, from: endpoint.baseUrl }
      }).catch((error: unknown) => {
        throw layerType(descriptor.mediaType)?.isForeign ? foreignLayer(purpose, error) : error
      })
    return resumeBlob({ purpose, descriptor, offset, open, retry: this.#retry(signal) })
  }

  /** Whether the registry itself has a blob. */
  async hasBlob(reference: Reference, descriptor: Descriptor): Promise<boolean> {
    parseDigest(descriptor.digest)
    const purpose = purposeOfBlob('push', reference, descriptor)
    return this.#ask(purpose, await this.#origins(reference), undefined, (endpoint, retry) =>
      blobExists({ exchange: this.#exchange, endpoint, descriptor, retry }),
    )
  }

  /**
   * Makes the registry have a blob.
   *
   * @param open gives its bytes from the start; called again where something has to be sent again
   * @throws {AirplantError} `ERR_DIGEST_MISMATCH` when the stream is shorter than the descriptor says
   */
  async pushBlob(
    reference: Reference,
    descriptor: Descriptor,
    open: () => Readable,
    { mountFrom, onProgress, signal, chunkSize = CHUNK }: PushBlobOptions = {},
  ): Promise<PushOutcome> {
    parseDigest(descriptor.digest)
    const purpose = purposeOfBlob('push', reference, descriptor)
    return this.#ask(purpose, await this.#origins(reference), signal, async (endpoint, retry) => {
      const source = new UploadSource(open, onProgress)
      try {
        return await pushBlob({ exchange: this.#exchange, endpoint, descriptor, source, mountFrom, chunkSize, retry })
      } finally {
        source.close()
      }
    })
  }

  /** Puts a manifest or index under the reference's digest or else tag, and gives its digest. */
  async putManifest(reference: Reference, bytes: Buffer, mediaType: string): Promise<string> {
    const purpose = purposeOf('push', formatReference(reference), reference)
    return this.#ask(purpose, await this.#origins(reference), undefined, (endpoint, retry) =>
      putManifest(this.#exchange, endpoint, { reference, bytes, mediaType }, retry),
    )
  }

  /**
   * Tags of a repository, as the registry orders them; at most 100,000.
   *
   * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`
   */
  async listTags(reference: Reference): Promise<string[]> {
    const purpose = purposeOf('list the tags of', `${reference.registry}/${reference.repository}`, reference)
    return this.#ask(purpose, await this.#endpoints(reference), undefined, (endpoint, retry) => {
      const path = `/v2/${endpoint.repository}/tags/list?n=100`
      const scope = `repository:${endpoint.repository}:pull`
      return listPages(this.#exchange, endpoint, { path, scope, field: 'tags', entry: /^\w[\w.-]{0,127}$/ }, retry)
    })
  }

  /** Repositories of a registry, `'library/nginx'`; at most 100,000. Docker Hub has no such list. */
  async catalog(registry: string): Promise<string[]> {
    const whole = wholeOf(registry)
    return this.#ask(
      purposeOf('list the images of', registry, whole),
      await this.#endpoints(whole),
      undefined,
      (endpoint, retry) => listCatalog(this.#exchange, endpoint, retry),
    )
  }

  /**
   * Images by a part of their name: in Docker Hub by its search, or in the registry that stands before the term and a slash. Where
   * Docker Hub is not reached, what its mirrors have counts.
   *
   * @example
   * await client.search('127.0.0.1:5000/post')
   */
  async search(text: string, { limit = 25 }: { limit?: number } = {}): Promise<SearchResult[]> {
    const { registry, term } = splitTerm(text)
    const whole = wholeOf(registry)
    const asks = searches(this.#exchange, await this.#endpoints(whole), { registry, term, limit }, this.#retry())
    const found = await eachEndpoint(purposeOf('search', text, whole), asks, this.#memory, this.#options.signal)
    return found.slice(0, limit)
  }

  async #ask<T>(
    purpose: Purpose,
    endpoints: readonly Endpoint[],
    signal: AbortSignal | undefined,
    ask: (endpoint: Endpoint, retry: RetryOptions) => Promise<T>,
  ): Promise<T> {
    const retry = this.#retry(signal)
    const asks = endpoints.map((each) => ({
      endpoint: each,
      ask: (endpoint: Endpoint, tries: Tries) => ask(endpoint, { ...retry, ...tries }),
    }))
    return eachEndpoint(purpose, asks, this.#memory, retry.signal)
  }

  #retry(signal?: AbortSignal): RetryOptions {
    const { signal: own, onRetry, firstDelay } = this.#options
    return { signal: own && signal ? AbortSignal.any([own, signal]) : (own ?? signal), onRetry, firstDelay }
  }

  async #endpoints(reference: Reference): Promise<Endpoint[]> {
    const { config, env } = this.#options
    this.#config ??= config ? Promise.resolve(config) : loadRegistriesConfig(env)
    return resolveEndpoints(reference, await this.#config)
  }

  async #origins(reference: Reference): Promise<Endpoint[]> {
    return (await this.#endpoints(reference)).filter(({ isMirror }) => !isMirror)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exchange[Symbol.asyncDispose]()
  }
}

async function* none(): AsyncGenerator<Buffer> {
  // Nothing is left to read.
}
