import { readFileSync } from 'node:fs'
import { parseImageConfig } from '../config.ts'
import type { Descriptor } from '../descriptor.ts'
import { parseManifest } from '../manifest.ts'
import { mediaTypes } from '../media-types.ts'
import type { ImageStore } from './image-store.ts'
import type { IndexEntry } from './index-file.ts'

/** What {@link collectGarbage} deleted. */
export interface CollectedGarbage {
  readonly layers: number
  readonly blobs: number
  readonly bytes: number
}

/**
 * Deletes blobs and layers that no image refers to and no living session uses, and what dead sessions left. It keeps pulls out: what they
 * have brought nothing refers to yet.
 */
export async function collectGarbage(
  store: ImageStore,
  options: { wait?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<CollectedGarbage | undefined> {
  await using lock = await store.context.lock('collect', options)
  if (!lock) return undefined
  let collected: CollectedGarbage = { layers: 0, blobs: 0, bytes: 0 }
  await store.index.change(async (entries) => {
    const kept = keptBy(store, entries)
    const layers = await collectLayers(store, kept)
    const blobs = collectBlobs(store, kept)
    collected = { layers: layers.count, blobs: blobs.count, bytes: layers.bytes + blobs.bytes }
    return undefined
  })
  await store.context.temporary.sweep()
  return collected
}

interface Kept {
  readonly blobs: ReadonlySet<string>
  readonly layers: ReadonlySet<string>
}

/** What images refer to. @throws {AirplantError} nothing is deleted when a document is there and cannot be read */
export function keptBy(store: ImageStore, entries: readonly IndexEntry[]): Kept {
  const blobs = new Set<string>()
  const layers = new Set<string>()
  const visit = (descriptor: Descriptor): void => {
    if (blobs.has(descriptor.digest)) return
    blobs.add(descriptor.digest)
    const parsed = readDocument(store, descriptor.digest, (bytes) => parseManifest(bytes, descriptor.mediaType))
    if (parsed?.kind === 'index') return parsed.manifests.forEach(visit)
    if (!parsed) return
    for (const { digest } of [parsed.config, ...parsed.layers]) blobs.add(digest)
    const config = readDocument(store, parsed.config.digest, (bytes) => parseImageConfig(bytes))
    for (const id of config?.diffIds ?? []) layers.add(id)
  }
  for (const { descriptor, original, index } of entries) {
    visit(descriptor)
    visit(original)
    if (index !== undefined && store.blobs.has(index)) visit({ mediaType: mediaTypes.ociIndex, digest: index, size: 0 })
  }
  for (const record of store.records.read()) for (const key of record.layers) layers.add(key)
  return { blobs, layers }
}

// One that is missing or wrong refers to nothing; but nothing is concluded from one that could not be read.
function readDocument<T>(store: ImageStore, digest: string, parse: (bytes: Buffer) => T): T | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(store.blobs.path(digest))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return parse(bytes)
  } catch {
    return undefined
  }
}

interface Deleted {
  readonly count: number
  readonly bytes: number
}

async function collectLayers({ layers, context }: ImageStore, kept: Kept): Promise<Deleted> {
  const candidates = layers.list().filter((key) => !kept.layers.has(key))
  for (const key of layers.list()) if (kept.layers.has(key)) layers.pardon(key)
  for (const key of candidates) layers.condemn(key)
  // Whoever begins to use one of them now finds it gone; whoever did before is seen here.
  const used = await context.uses.all()
  let [count, bytes] = [0, 0]
  for (const key of candidates) {
    if (used.has(layers.useKey(key))) {
      layers.pardon(key)
      continue
    }
    bytes += await layers.remove(key)
    count++
  }
  return { count, bytes }
}

function collectBlobs({ blobs }: ImageStore, kept: Kept): Deleted {
  const gone = blobs.list().filter(({ digest }) => !kept.blobs.has(digest))
  for (const { digest } of gone) blobs.remove(digest)
  return { count: gone.length, bytes: gone.reduce((sum, { size }) => sum + size, 0) }
}
