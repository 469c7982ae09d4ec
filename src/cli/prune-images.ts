import type { ImageStore } from '../images/store/image-store.ts'
import type { PrunedImages } from '../images/store/prune-images.ts'
import type { Filters } from './read-filters.ts'
import { fitLabels, parseUntil } from './read-filters.ts'
import { removalLines } from './rmi-command.ts'

/** What `--filter` of commands that prune knows. */
export const pruneFilterNames = ['until', 'label', 'label!'] as const

/** Prunes images by the flags of a command line. */
export async function pruneImages(
  store: ImageStore,
  { all, filters }: { all: boolean; filters: Filters },
): Promise<PrunedImages> {
  const until = filters.get('until')?.map((text) => parseUntil(text, Date.now()).getTime())
  return await store.prune({
    all,
    ...(until && { until: new Date(Math.min(...until)) }),
    filter: ({ config }) => fitLabels(config.labels, filters),
  })
}

/** Docker's lines about it. */
export function prunedLines({ untagged, images }: Pick<PrunedImages, 'untagged' | 'images'>): string {
  const lines = removalLines(untagged, images)
  return lines === '' ? '' : `Deleted Images:\n${lines}\n`
}

/** What would go, for the question. */
export function imagesToPrune(all: boolean): string {
  return all ? 'all images that no running container uses' : 'all images without a tag that no running container uses'
}
