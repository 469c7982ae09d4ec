import { AirplantError } from '../errors.ts'
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
  refuseForeign(fetch)
  if (store.blobs.has(layer.digest, layer.size) && store.layers.find(diffId)) {
    report(fetch, 'exists', layer.size)
    return { transferred: 0 }
  }
  report(fetch, 'waiting', 0)
  const { transferred } = await download(fetch)
  await unpack(fetch)
  report(fetch, 'done', layer.size)
  return { transferred }
}

/** Where another process is at it, this waits until the blob is there. */
async function download(fetch: LayerFetch): Promise<{ transferred: number }> {
  const { store, layer, client, reference, options } = fetch
  if (store.blobs.has(layer.digest, layer.size)) return { transferred: 0 }
  const { signal } = options
  const open = (offset: number): Promise<AsyncIterable<Buffer>> => client.openBlob(reference, layer, { offset, signal })
  const onProgress = (done: number): void => report(fetch, 'downloading', done)
  return await store.blobs.write(layer, open, { onProgress, signal })
}

async function unpack(fetch: LayerFetch): Promise<void> {
  const { store, layer, diffId, options } = fetch
  await unpackBlob(store, layer, diffId, { ...options, onBytes: (done) => report(fetch, 'unpacking', done) })
}

function refuseForeign({ layer, text }: LayerFetch): void {
  if (!layer.isForeign) return
  throw new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    phase: 'pull',
    message: `Cannot pull "${text}": layer ${layer.digest} is to be fetched from another host than the registry`,
    hint: 'Copy the image with all its layers into a registry first; such addresses are never asked',
    image: text,
  })
}

function report({ text, layer, options }: LayerFetch, state: LayerState, done: number): void {
  options.onProgress?.({ kind: 'layer', reference: text, digest: layer.digest, state, done, total: layer.size })
}
