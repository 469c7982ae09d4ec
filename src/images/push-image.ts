import { createReadStream } from 'node:fs'
import { AirplantError } from '../errors.ts'
import { now } from '../rootless/clock.ts'
import type { Session } from '../rootless/session.ts'
import { aboutImage } from './about-image.ts'
import type { Descriptor } from './descriptor.ts'
import { eachAtOnce } from './each-at-once.ts'
import { openClient } from './open-client.ts'
import { packSnapshot } from './pack-snapshot.ts'
import type { OnProgress } from './progress.ts'
import type { Reference } from './reference.ts'
import { formatReference, parseReference } from './reference.ts'
import type { RegistryClient } from './registry/registry-client.ts'
import { ImageStore } from './store/image-store.ts'
import type { StoredImage } from './store/image-table.ts'

/** How an image is pushed. */
export interface PushOptions {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  /** Name to push it under. @default its own */
  readonly destination?: string | undefined
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
}

/** What was pushed. */
export interface PushedImage {
  /** Of the manifest, as the registry has it. */
  readonly digest: string
  /** Bytes of the manifest. */
  readonly size: number
}

const BLOBS_AT_ONCE = 3

/**
 * Puts an image of the store into a registry: layers that are not there, its configuration, its manifest. A snapshot gets its blobs first.
 *
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`, `ERR_INVALID_REFERENCE`, `ERR_REGISTRY_AUTH`, `ERR_REGISTRY_UNREACHABLE`,
 *   `ERR_REGISTRY_ANSWER`, `ERR_RATE_LIMITED`, `ERR_INVALID_IMAGE` (a layer that may not be distributed), `ERR_DISK_FULL`, `ERR_STORE`, `ERR_ABORTED`
 * @example
 * await pushImage('registry.example/team/seed:1', { session, env: process.env })
 */
export async function pushImage(name: string, options: PushOptions): Promise<PushedImage> {
  const began = now()
  const { session, env, signal, destination = name } = options
  try {
    const reference = parseReference(destination)
    if (reference.digest !== undefined) throw cannotChoose(destination)
    const store = ImageStore.of(session, env)
    store.require(name)
    const text = formatReference(reference)
    await using client = await openClient(text, options)
    // Nobody deletes its blobs meanwhile.
    return await store.withLock('collect', { shared: true, signal }, async () => {
      const image = await packSnapshot(store, session, store.require(name), signal)
      return await send({ store, client, reference, image, text, options, began })
    })
  } catch (error) {
    throw aboutImage(error, { phase: 'push', image: destination, began, signal })
  }
}

interface Push {
  readonly store: ImageStore
  readonly client: RegistryClient
  readonly reference: Reference
  readonly image: StoredImage
  readonly text: string
  readonly options: PushOptions
  /** When it began, by `now()`. */
  readonly began: number
}

/** The registry takes a manifest only when it has all blobs. */
async function send(push: Push): Promise<PushedImage> {
  const { store, client, reference, image, text, options, began } = push
  const { config, layers } = image.manifest!
  const foreign = layers.find(({ isForeign }) => isForeign)
  if (foreign) throw foreignLayer(text, foreign.digest)
  const missing = [...layers, config].find(({ digest, size }) => !store.blobs.has(digest, size))
  if (missing) throw incomplete(text, missing.digest)
  const sendOne = (blob: Descriptor, _: number, stop: AbortSignal): Promise<number> => pushBlob(push, blob, stop)
  const sent = await eachAtOnce(oncePerDigest([...layers, config]), BLOBS_AT_ONCE, sendOne, options.signal)
  const bytes = sent.reduce((sum, each) => sum + each, 0)
  const manifest = store.manifestBytes(image)!
  const digest = await client.putManifest(reference, manifest, image.descriptor!.mediaType)
  const done = { digest, id: image.id, changed: bytes > 0, bytes, elapsed: now() - began }
  options.onProgress?.({ kind: 'done', reference: text, ...done })
  return { digest, size: manifest.length }
}

/** An empty layer may be there several times, and two uploads of one blob at once would both send it. */
function oncePerDigest(blobs: readonly Descriptor[]): Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()]
}

async function pushBlob(
  { store, client, reference, image, text, options }: Push,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<number> {
  const { digest, size } = blob
  const report = (state: 'exists' | 'uploading' | 'done', done: number): void =>
    options.onProgress?.({ kind: 'layer', reference: text, digest, state, done, total: size })
  report('uploading', 0)
  const outcome = await client.pushBlob(reference, blob, () => createReadStream(store.blobs.path(digest)), {
    mountFrom: otherRepository(image, reference),
    onProgress: (done) => report('uploading', done),
    signal,
  })
  report(outcome === 'uploaded' ? 'done' : 'exists', size)
  return outcome === 'uploaded' ? size : 0
}

/** A repository of the same registry from which the image came, which has the blobs already. */
function otherRepository({ names }: StoredImage, { registry, repository }: Reference): string | undefined {
  const others = names.map((name) => parseReference(name)).filter((each) => each.registry === registry)
  return others.find((each) => each.repository !== repository)?.repository
}

function cannotChoose(name: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_REFERENCE',
    phase: 'push',
    message: `Cannot push to "${name}": a digest is what comes out of a push`,
    hint: 'Write a tag',
  })
}

function incomplete(name: string, digest: string): AirplantError {
  return new AirplantError({
    code: 'ERR_STORE',
    phase: 'push',
    message: `Cannot push "${name}": the store does not have its blob ${digest} any more`,
    hint: 'Pull or load the image again, for this platform',
    image: name,
    detail: digest,
  })
}

function foreignLayer(name: string, digest: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    phase: 'push',
    message: `Cannot push "${name}": its layer ${digest} may not be distributed`,
    hint: 'Make the image without it',
    image: name,
  })
}
