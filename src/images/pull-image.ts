import { AirplantError, isAirplantError } from '../errors.ts'
import { readFile } from 'node:fs/promises'
import { now } from '../rootless/clock.ts'
import type { Session } from '../rootless/session.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import type { ImageConfig, LocalImage } from './image.ts'
import { parseImageConfig } from './config.ts'
import { eachAtOnce } from './each-at-once.ts'
import { fetchLayer } from './fetch-layer.ts'
import type { Manifest } from './manifest.ts'
import { parseManifest } from './manifest.ts'
import { checkPlatform, choosePlatform, hostPlatform, parsePlatform } from './platform.ts'
import { openClient } from './open-client.ts'
import type { OnProgress } from './progress.ts'
import type { Reference } from './reference.ts'
import { formatReference, parseReference } from './reference.ts'
import type { RegistryClient } from './registry/registry-client.ts'
import { ImageStore } from './store/image-store.ts'

/** How an image is pulled. */
export interface PullOptions {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  /** `'linux/arm64'`. @default this machine's */
  readonly platform?: string | undefined
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
}

/** Layers on their way at once: more would only wait for the same two or four processors. */
const LAYERS_AT_ONCE = 3

/** What a pull works with. */
interface Pull {
  readonly reference: Reference
  readonly client: RegistryClient
  readonly store: ImageStore
  readonly platform: Platform
  readonly options: PullOptions
}

/**
 * Asks the registry for an image and makes the store have it, whole and unpacked. What is there already is not fetched; another
 * process that pulls the same layers is waited for. An image appears in the store only when all of it is there.
 *
 * @throws {AirplantError} `ERR_INVALID_REFERENCE`, `ERR_IMAGE_NOT_FOUND`, `ERR_PLATFORM_MISSING`, `ERR_REGISTRY_AUTH`,
 *   `ERR_REGISTRY_UNREACHABLE`, `ERR_REGISTRY_ANSWER`, `ERR_RATE_LIMITED`, `ERR_DIGEST_MISMATCH`, `ERR_INVALID_IMAGE`,
 *   `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`, `ERR_UNMAPPED_OWNER`, `ERR_DISK_FULL`, `ERR_STORE`, `ERR_ABORTED`
 * @example
 * const image = await pullImage('postgres:17', { session, env: process.env })
 */
export async function pullImage(name: string, options: PullOptions): Promise<LocalImage> {
  const began = now()
  const reference = parseReference(name)
  const text = formatReference(reference)
  const { session, env, signal } = options
  await using client = await openClient(text, options)
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform)
  const pull: Pull = { reference, client, store: ImageStore.of(session, env), platform, options }
  try {
    return await pull.store.withLock('collect', { shared: true, signal }, () => run(pull, text, began))
  } catch (error) {
    throw withImage(error, text, now() - began)
  }
}

async function run(pull: Pull, text: string, began: number): Promise<LocalImage> {
  const { reference, store, options } = pull
  options.onProgress?.({ kind: 'resolving', reference: text })
  const { descriptor, manifest, index } = await resolveManifest(pull)
  const { id, config, changed: newConfig } = await fetchConfig(pull, manifest)
  // What an index says of an image counts more than what the image says itself.
  if (index === undefined) checkPlatform(config.platform, pull.platform, text)
  const fetched = await eachAtOnce(manifest.layers, LAYERS_AT_ONCE, (layer, at) =>
    fetchLayer({ ...pull, text, layer, diffId: config.diffIds[at]!, options }),
  )
  await store.tag(reference, descriptor, index)
  const bytes = fetched.reduce((sum, { transferred }) => sum + transferred, 0)
  const changed = newConfig || bytes > 0
  const { digest } = descriptor
  options.onProgress?.({ kind: 'done', reference: text, digest, id, changed, bytes, elapsed: now() - began })
  const image = await store.find(id)
  if (image) return image
  throw new AirplantError({
    code: 'ERR_STORE',
    phase: 'pull',
    message: `Cannot find "${text}" in the store right after it was pulled`,
    hint: 'Another process may have removed it; try again',
  })
}

interface ResolvedManifest {
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  /** Digest of the index that led to it. */
  readonly index: string | undefined
}

async function resolveManifest({ reference, client, store, platform }: Pull): Promise<ResolvedManifest> {
  const first = await client.getManifest(reference)
  const parsed = parseManifest(first.bytes, first.mediaType)
  if (parsed.kind === 'manifest') {
    await store.blobs.put(first.digest, first.bytes)
    const descriptor = { mediaType: first.mediaType, digest: first.digest, size: first.bytes.length }
    return { descriptor, manifest: parsed, index: undefined }
  }
  const chosen = choosePlatform(parsed, platform)
  const answer = await client.getManifest({ ...withoutTag(reference), digest: chosen.digest })
  const manifest = parseManifest(answer.bytes, answer.mediaType)
  if (manifest.kind !== 'manifest') {
    throw new AirplantError({
      code: 'ERR_INVALID_IMAGE',
      phase: 'pull',
      message: `Cannot use the index of "${formatReference(reference)}": it names another index for ${platform.os}/${platform.architecture}`,
      hint: 'Pull the manifest by its digest, or ask who made the image',
    })
  }
  await store.blobs.put(chosen.digest, answer.bytes)
  const descriptor = { mediaType: answer.mediaType, digest: chosen.digest, size: answer.bytes.length }
  return { descriptor, manifest, index: first.digest }
}

function withoutTag({ registry, repository }: Reference): Reference {
  return { registry, repository }
}

/** Most bytes of a configuration: it is held in memory. */
const CONFIG_LIMIT = 4 * 1024 ** 2

async function fetchConfig(
  { reference, client, store, options }: Pull,
  manifest: Manifest,
): Promise<{ id: string; config: ImageConfig; changed: boolean }> {
  const { config: descriptor, layers } = manifest
  if (descriptor.size > CONFIG_LIMIT) throw invalid(reference, `its configuration has ${descriptor.size} bytes`)
  const known = store.blobs.has(descriptor.digest, descriptor.size)
  if (!known) {
    const open = (offset: number): Promise<AsyncIterable<Buffer>> =>
      client.openBlob(reference, descriptor, { offset, signal: options.signal })
    await store.blobs.write(descriptor, open, { signal: options.signal })
  }
  const config = parseImageConfig(await readFile(store.blobs.path(descriptor.digest)))
  if (config.diffIds.length !== layers.length) {
    throw invalid(reference, `it has ${layers.length} layers and ${config.diffIds.length} diff IDs`)
  }
  return { id: descriptor.digest, config, changed: !known }
}

function invalid(reference: Reference, problem: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    phase: 'pull',
    message: `Cannot use "${formatReference(reference)}": ${problem}`,
    hint: 'Pull it again, or ask who made the image',
  })
}

/** The same error with what it was about, which those who threw it could not know. */
function withImage(error: unknown, image: string, elapsed: number): unknown {
  if (!isAirplantError(error) || error.image !== undefined) return error
  return new AirplantError({ ...error, message: error.message.split('\n')[0] ?? '', image, elapsed, cause: error })
}
