import { measure } from '../images/store/measure.ts'
import type { ImageStore } from '../images/store/image-store.ts'
import type { Filters } from './read-filters.ts'
import { fitLabels } from './read-filters.ts'

/** What went. */
export interface PrunedVolumes {
  readonly names: readonly string[]
  readonly bytes: number
}

/** Removes the volumes that no container uses, and says how much that frees. */
export async function pruneVolumes(store: ImageStore, filters: Filters): Promise<PrunedVolumes> {
  const sizes = new Map<string, number>()
  const used = await store.context.uses.all()
  for (const { name, labels, directory } of store.volumes.list()) {
    if (used.has(store.volumes.useKey(name)) || !fitLabels(labels, filters)) continue
    sizes.set(name, (await measure(store, directory)).bytes)
  }
  // One that came meanwhile is left alone.
  const names = await store.volumes.prune({ filter: ({ name }) => sizes.has(name) })
  return { names, bytes: names.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) }
}

/** Docker's lines about it. */
export function volumeLines({ names }: PrunedVolumes): string {
  return names.length === 0 ? '' : `Deleted Volumes:\n${names.join('\n')}\n\n`
}

/** What would go, for the question. */
export const volumesToPrune = 'all volumes that no running container uses, with what is in them'
