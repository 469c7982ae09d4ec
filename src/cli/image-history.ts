import type { HistoryEntry, ImageConfig } from '../images/image.ts'

/** A line of `airplant history`. */
export interface HistoryLine extends Pick<HistoryEntry, 'created'> {
  /** Bytes of its layer as unpacked; 0 when it has none. */
  readonly bytes: number
  readonly createdBy: string
  readonly comment: string
}

/**
 * How an image came about, newest first. An image whose history does not say gets a line for each layer.
 *
 * @param sizes of the layers, lowest first; undefined when a layer is not unpacked
 */
export function historyOf(
  { history, created }: Pick<ImageConfig, 'history' | 'created'>,
  sizes: readonly (number | undefined)[],
): HistoryLine[] {
  const withLayer = history.filter(({ emptyLayer }) => !emptyLayer).length
  const silent = sizes
    .slice(withLayer)
    .map(() => ({ created, createdBy: undefined, comment: undefined, emptyLayer: false }))
  let layer = 0
  const lines = [...history, ...silent].map(({ emptyLayer, created: when, createdBy = '', comment = '' }) => ({
    created: when,
    createdBy,
    comment,
    bytes: emptyLayer ? 0 : (sizes[layer++] ?? 0),
  }))
  return lines.reverse()
}
