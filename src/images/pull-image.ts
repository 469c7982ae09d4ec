import { readFile } from 'node:fs/promises'
import type { ErrorCode } from '../errors.ts'
import { AirplantError, isAirplantError } from '../errors.ts'
import { now } from '../rootless/clock.ts'
import type { Session } from '../rootless/session.ts'
import { aboutImage } from './about-image.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import type { ImageConfig, LocalImage } from './image.ts'
import { parseImageConfig } from './config.ts'
import { eachAtOnce, LAYERS_AT_ONCE } from './each-at-once.ts'
import { fetchLayer, refuseForeign } from './fetch-layer.ts'
import type { LayerDescriptor, Manifest } from './manifest.ts'
import { parseManifest } from './manifest.ts'
import { checkPlatform, choosePlatform, formatPlatform, hostPlatform, parsePlatform } from './platform.ts'
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

/** What a pull works with. */
interface Pull {
  readonly reference: Reference
  /** The reference in full. */
  readonly text: string
  readonly client: RegistryClient
  readonly store: ImageStore
  readonly platform: Platform
  readonly options: PullOptions
  /** When it began, by `now()`. */
  readonly began: number
}

/** After these what was brought is of no use and only takes space. After others the next try goes on with it. */
const inVain: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_ARCHIVE_LIMIT',
  'ERR_DIGEST_MISMATCH',
  'ERR_DISK_FULL',
  'ERR_INVALID_ARCHIVE',
  'ERR_INVALID_IMAGE',
  'ERR_PLATFORM_MISSING',
  'ERR_UNMAPPED_OWNER',
  'ERR_UNSAFE_ARCHIVE',
])

/**
 * Asks the registry for an image and makes the store have it, whole and unpacked. What is there already is not fetched; another
 * process that pulls the same layers is waited for. An image appears in the store only when all of it is there.
 *
 * @throws {AirplantError} `ERR_INVALID_REFERENCE`, `ERR_IMAGE_NOT_FOUND`, `ERR_PLATFORM_MISSING`, `ERR_REGISTRY_AUTH`,
 *   `ERR_REGISTRY_UNREACHABLE`, `ERR_REGISTRY_ANSWER`, `ERR_RATE_LIMITED`, `ERR_DIGEST_MISMATCH`, `ERR_INVALID_IMAGE`,
 *   `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`, `ERR_UNMAPPED_OWNER`, `ERR_DISK_FULL`, `ERR_STORE`, `ERR_INVALID_OPTION`,
 *   `ERR_CREDENTIAL_HELPER`, `ERR_ABORTED`
 * @example
 * const image = await pullImage('postgres:17', { session, env: process.env })
 */
export async function pullImage(name: string, options: PullOptions): Promise<LocalImage> {
  const began = now()
  const { session, env, signal } = options
  let image = name
  let store: ImageStore | undefined
  try {
    const reference = parseReference(name)
    image = formatReference(reference)
    const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform)
    store = ImageStore.of(session, env)
    await using client = await openClient(image, options)
    const pull: Pull = { reference, text: image, client, store, platform, options, began }
    return await store.withLock('collect', { shared: true, signal }, () => run(pull))
  } catch (error) {
    const told = aboutImage(error, { phase: 'pull', image, began, signal })
    // Unless another pull is under way. That this fails is nothing to tell beside what failed before.
    if (isInVain(told)) await store?.collectGarbage({ wait: false }).catch(() => undefined)
    throw told
  }
}

function isInVain(error: unknown): boolean {
  return isAirplantError(error) && inVain.has(error.code)
}

async function run(pull: Pull): Promise<LocalImage> {
  const { reference, text, store, options, began } = pull
  // Space that a killed pull took is there again before this one needs it.
  await store.sweep()
  options.onProgress?.({ kind: 'resolving', reference: text })
  const checked = Date.now()
  const before = store.lookup(text)?.id
  const { descriptor, manifest, index, isChosen } = await resolveManifest(pull)
  refuseForeign(manifest.layers, text)
  const { id, config } = await fetchConfig(pull, manifest)
  // What an index says of an image counts more than what the image says itself.
  if (!isChosen) checkPlatform(config.platform, pull.platform, text)
  const fetchOne = (layer: LayerDescriptor, at: number, signal: AbortSignal): Promise<{ transferred: number }> =>
    fetchLayer({ ...pull, layer, diffId: config.diffIds[at]!, options: { ...options, signal } })
  const fetched = await eachAtOnce(manifest.layers, LAYERS_AT_ONCE, fetchOne, options.signal).catch(
    async (error: unknown) => {
      if (isInVain(error)) for (const { digest } of manifest.layers) await store.blobs.dropPartial(digest)
      throw error
    },
  )
  await store.tag(reference, descriptor, { index, checked })
  const bytes = fetched.reduce((sum, { transferred }) => sum + transferred, 0)
  const image = await store.find(id)
  if (!image) throw vanished(text)
  const { digest } = descriptor
  const changed = bytes > 0 || before !== id
  options.onProgress?.({ kind: 'done', reference: text, digest, id, changed, bytes, elapsed: now() - began })
  return image
}

interface ResolvedManifest {
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  /** Digest of the index that led to it. */
  readonly index: string | undefined
  /** The index said that it is for the platform. */
  readonly isChosen: boolean
}

async function resolveManifest({ reference, client, store, platform }: Pull): Promise<ResolvedManifest> {
  const first = await client.getManifest(reference)
  const parsed = parseManifest(first.bytes, first.mediaType)
  if (parsed.kind === 'manifest') {
    await store.blobs.put(first.digest, first.bytes)
    const descriptor = { mediaType: first.mediaType, digest: first.digest, size: first.bytes.length }
    return { descriptor, manifest: parsed, index: undefined, isChosen: false }
  }
  const chosen = choosePlatform(parsed, platform)
  const { registry, repository } = reference
  const answer = await client.getManifest({ registry, repository, digest: chosen.digest })
  const manifest = parseManifest(answer.bytes, answer.mediaType)
  if (manifest.kind !== 'manifest') {
    throw invalid(reference, `its index names another index for ${formatPlatform(platform)}`)
  }
  await store.blobs.put(chosen.digest, answer.bytes)
  const descriptor = { mediaType: answer.mediaType, digest: chosen.digest, size: answer.bytes.length }
  return { descriptor, manifest, index: first.digest, isChosen: chosen.platform !== undefined }
}

async function fetchConfig(
  { reference, client, store, options }: Pull,
  { config: descriptor, layers }: Manifest,
): Promise<{ id: string; config: ImageConfig }> {
  const { signal } = options
  // Small, and what stands in it decides what else is fetched: read again each time.
  if (store.blobs.has(descriptor.digest)) await store.blobs.dropDamaged(descriptor.digest)
  const open = (offset: number): Promise<AsyncIterable<Buffer>> =>
    client.openBlob(reference, descriptor, { offset, signal })
  await store.blobs.write(descriptor, open, { signal })
  const config = parseImageConfig(await readFile(store.blobs.path(descriptor.digest)))
  if (config.diffIds.length !== layers.length) {
    throw invalid(reference, `it has ${layers.length} layers and ${config.diffIds.length} diff IDs`)
  }
  return { id: descriptor.digest, config }
}

function invalid(reference: Reference, problem: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    phase: 'pull',
    message: `Cannot use "${formatReference(reference)}": ${problem}`,
    hint: 'Name another tag, or ask who made the image',
  })
}

function vanished(text: string): AirplantError {
  return new AirplantError({
    code: 'ERR_STORE',
    phase: 'pull',
    message: `Cannot find "${text}" in the store right after it was pulled`,
    hint: 'Another process may have removed it; try again',
  })
}
