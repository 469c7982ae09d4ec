import type { ErrorCode } from '../errors.ts'
import { AirplantError, isAirplantError } from '../errors.ts'
import type { LayerDescriptor } from './manifest.ts'
import type { LayerState } from './progress.ts'
import type { PullOptions } from './pull-image.ts'
import type { Reference } from './reference.ts'
import type { RegistryClient } from './registry/registry-client.ts'
import type { ImageStore } from './store/image-store.ts'
import { unpackBlob } from './unpack-blob.ts'

/** One layer of a pull. */
export interface LayerFetch {
  readonly reference: Reference
  readonly text: string
  readonly client: RegistryClient
  readonly store: ImageStore
  readonly layer: LayerDescriptor
  readonly diffId: string
  readonly options: PullOptions
}

/** Makes the store have a layer's blob and its unpacked directory; whoever comes second waits and finds it done. */
export async function fetchLayer(fetch: LayerFetch): Promise<{ transferred: number }> {
  const { store, layer, diffId } = fetch
  if (store.blobs.has(layer.digest, layer.size) && store.layers.find(diffId)) {
    report(fetch, 'exists', layer.size)
    return { transferred: 0 }
  }
  report(fetch, 'waiting', 0)
  const transferred = await bring(fetch)
  report(fetch, 'done', layer.size)
  return { transferred }
}

/** @throws {AirplantError} `ERR_INVALID_IMAGE` when a layer is to come from an address that the manifest names: nobody may make us ask there */
export function refuseForeign(layers: readonly LayerDescriptor[], image: string): void {
  const foreign = layers.find(({ isForeign }) => isForeign)
  if (!foreign) return
  throw new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    phase: 'pull',
    message: `Cannot pull "${image}": layer ${foreign.digest} is to be fetched from another host than the registry`,
    hint: 'Copy the image with all its layers into a registry first; such addresses are never asked',
    image,
  })
}

async function bring(fetch: LayerFetch): Promise<number> {
  const transferred = await download(fetch)
  try {
    await unpack(fetch)
    return transferred
  } catch (error) {
    // A blob that was there already may have been damaged since, in a cache that was not restored well for example.
    if (transferred > 0 || !isDamage(error) || !(await fetch.store.blobs.dropDamaged(fetch.layer.digest))) throw error
  }
  const again = await download(fetch)
  await unpack(fetch)
  return again
}

const codesOfDamage: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_DIGEST_MISMATCH',
  'ERR_INVALID_ARCHIVE',
  'ERR_INVALID_IMAGE',
  'ERR_UNSAFE_ARCHIVE',
  'ERR_ARCHIVE_LIMIT',
])

/** Whether an unpack failed in a way for which a damaged blob can be the reason. */
export function isDamage(error: unknown): boolean {
  return isAirplantError(error) && codesOfDamage.has(error.code)
}

/** Where another process is at it, this waits until the blob is there. @returns bytes that came */
async function download(fetch: LayerFetch): Promise<number> {
  const { store, layer, client, reference, options } = fetch
  const { signal } = options
  const open = (offset: number): Promise<AsyncIterable<Buffer>> => client.openBlob(reference, layer, { offset, signal })
  const onProgress = (done: number): void => report(fetch, 'downloading', done)
  return (await store.blobs.write(layer, open, { onProgress, signal })).transferred
}

async function unpack(fetch: LayerFetch): Promise<void> {
  const { store, layer, diffId, options } = fetch
  await unpackBlob(store, layer, diffId, { ...options, onBytes: (done) => report(fetch, 'unpacking', done) })
}

function report({ text, layer, options }: LayerFetch, state: LayerState, done: number): void {
  options.onProgress?.({ kind: 'layer', reference: text, digest: layer.digest, state, done, total: layer.size })
}
