import { keptBy } from './collect-garbage.ts'
import type { ImageStore } from './image-store.ts'
import { imageUseKey } from './image-use.ts'
import { measure, measureSnapshots } from './measure.ts'

/** What one kind of thing takes, all in bytes. */
export interface UsageOfKind {
  readonly count: number
  /** Used by containers. */
  readonly active: number
  readonly bytes: number
  /** What would be free if all that no container uses were removed. */
  readonly reclaimable: number
}

/** @see ImageStore.diskUsage */
export interface DiskUsage {
  /** Blobs and unpacked layers together. */
  readonly images: UsageOfKind
  readonly volumes: UsageOfKind
  /** Blobs and layers that no image refers to, and what aborted pulls have begun. */
  readonly garbage: { readonly count: number; readonly bytes: number }
}

/** Measures the store. */
export async function diskUsage(store: ImageStore): Promise<DiskUsage> {
  await measureSnapshots(store)
  const used = await store.context.uses.all()
  const images = store.table.all()
  const active = images.filter(({ id }) => used.has(imageUseKey(id)))
  const sizes = new Map<string, number>(store.blobs.list().map(({ digest, size }) => [`blob ${digest}`, size]))
  for (const key of store.layers.list()) sizes.set(`layer ${key}`, store.layers.facts(key)?.bytes ?? 0)
  const sum = (keys: Iterable<string>): number => [...keys].reduce((bytes, key) => bytes + (sizes.get(key) ?? 0), 0)

  const kept = keptBy(store, store.index.read())
  const needed = new Set([...labelled('blob', kept.blobs), ...labelled('layer', kept.layers)])
  const activeKeys = new Set(active.flatMap((image) => keysOf(image)))
  const garbage = [...sizes.keys()].filter((key) => !needed.has(key))
  const begun = store.blobs.partials()
  const begunBytes = begun.reduce((bytes, { size }) => bytes + size, 0)
  const bytes = sum(needed)
  return {
    images: { count: images.length, active: active.length, bytes, reclaimable: bytes - sum(activeKeys) },
    volumes: await usageOfVolumes(store, used),
    garbage: { count: garbage.length + begun.length, bytes: sum(garbage) + begunBytes },
  }
}

function keysOf({ manifest, descriptor, layers }: ReturnType<ImageStore['require']>): string[] {
  const blobs = manifest ? [manifest.config, ...manifest.layers].map(({ digest }) => digest) : []
  const own = descriptor ? [descriptor.digest] : []
  return [...labelled('blob', [...own, ...blobs]), ...labelled('layer', layers)]
}

function labelled(kind: 'blob' | 'layer', names: Iterable<string>): string[] {
  return [...names].map((name) => `${kind} ${name}`)
}

async function usageOfVolumes(store: ImageStore, used: ReadonlySet<string>): Promise<UsageOfKind> {
  const volumes = store.volumes.list()
  let [bytes, reclaimable, active] = [0, 0, 0]
  for (const { name, directory } of volumes) {
    const { bytes: size } = await measure(store, directory)
    bytes += size
    if (used.has(store.volumes.useKey(name))) active++
    else reclaimable += size
  }
  return { count: volumes.length, active, bytes, reclaimable }
}
