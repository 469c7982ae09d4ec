import type { ApplySummary } from '../rootless/files/apply-options.ts'
import type { Session } from '../rootless/session.ts'
import type { Descriptor } from './descriptor.ts'
import type { UnpackedLayer } from './image.ts'
import type { ImageStore } from './store/image-store.ts'

/** How {@link unpackBlob} works. */
export interface UnpackBlobOptions {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  /** Told how many bytes of the blob were read. */
  readonly onBytes?: ((done: number) => void) | undefined
}

/** Makes the store have the layer of a blob unpacked; whoever comes second waits and finds it done. */
export async function unpackBlob(
  store: ImageStore,
  { digest, mediaType }: Descriptor,
  diffId: string,
  { session, env, signal, onBytes }: UnpackBlobOptions,
): Promise<UnpackedLayer> {
  const fill = async (directory: string): Promise<ApplySummary> => {
    const { unpackLayer } = await import('./layers/unpack-layer.ts')
    const flattenOwners = session.mapping.method === 'single'
    const blob = { path: store.blobs.path(digest), mediaType, diffId }
    return await unpackLayer(session, blob, directory, { flattenOwners, signal, env, onProgress: onBytes })
  }
  return await store.layers.create(diffId, fill, { signal })
}
