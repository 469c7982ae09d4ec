/** `count` IDs from `start` on, in the namespace of the caller. */
export interface IdRange {
  readonly start: number
  readonly count: number
}

/** One line of /proc/PID/uid_map or gid_map (user_namespaces(7)): `count` IDs from `inside` on are `outside` and following. */
export interface Extent {
  readonly inside: number
  readonly outside: number
  readonly count: number
}

/** 2^32-1 is "no ID" to chown(2) and setresuid(2), so it can never be mapped. */
export const LAST_ID = 4_294_967_294

// user_namespaces(7): at most 340 lines, written by one write(2) that must be smaller than a page.
const MOST_EXTENTS = 340
const MOST_BYTES = 4095
const LONGEST_LINE = '4294967295 4294967295 4294967295\n'.length
const SURELY_FITTING = Math.floor(MOST_BYTES / LONGEST_LINE)

/** The text for /proc/PID/uid_map, `"0 1000 1\n1 100000 65536\n"`. */
export function mapText(extents: readonly Extent[]): string {
  return extents.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('')
}

/** The host's ID for an ID of the container, undefined when it is not mapped. */
export function hostId(extents: readonly Extent[], id: number): number | undefined {
  const extent = extents.find(({ inside, count }) => id >= inside && id < inside + count)
  return extent && extent.outside + (id - extent.inside)
}

/** The container's ID for an ID of the host, undefined when it is not mapped. */
export function containerId(extents: readonly Extent[], id: number): number | undefined {
  const extent = extents.find(({ outside, count }) => id >= outside && id < outside + count)
  return extent && extent.inside + (id - extent.outside)
}

/** How many IDs are mapped. */
export function mappedCount(extents: readonly Extent[]): number {
  return extents.reduce((sum, { count }) => sum + count, 0)
}

/** Lays ranges one after another from the container's ID `first` on. */
export function concatenate(ranges: readonly IdRange[], first: number): Extent[] {
  let inside = first
  return ranges.map(({ start, count }) => {
    const extent = { inside, outside: start, count }
    inside += count
    return extent
  })
}

/** The leading extents that the kernel takes in one write. */
export function fitToKernel(extents: readonly Extent[]): Extent[] {
  if (extents.length <= SURELY_FITTING) return [...extents]
  let bytes = 0
  const fitting: Extent[] = []
  for (const extent of extents.slice(0, MOST_EXTENTS)) {
    bytes += mapText([extent]).length
    if (bytes > MOST_BYTES) break
    fitting.push(extent)
  }
  return fitting
}

/** The parts of `ranges` that lie in any of `within`, in the order of `ranges`. */
export function intersect(ranges: readonly IdRange[], within: readonly IdRange[]): IdRange[] {
  const parts = ranges.flatMap((range) =>
    [...within]
      .sort((a, b) => a.start - b.start)
      .map((other) => {
        const start = Math.max(range.start, other.start)
        return { start, count: Math.min(end(range), end(other)) - start }
      }),
  )
  return parts.filter(({ count }) => count > 0)
}

/** The parts of `ranges` that lie in none of `taken`, in the order of `ranges`. */
export function subtract(ranges: readonly IdRange[], taken: readonly IdRange[]): IdRange[] {
  return taken.reduce<IdRange[]>(
    (left, hole) =>
      left.flatMap((range) => {
        if (hole.start >= end(range) || end(hole) <= range.start) return [range]
        const below = { start: range.start, count: hole.start - range.start }
        const above = { start: end(hole), count: end(range) - end(hole) }
        return [below, above].filter(({ count }) => count > 0)
      }),
    [...ranges],
  )
}

/** The ranges without what an earlier one already holds: the kernel refuses a map that names a host ID twice. */
export function withoutRepeats(ranges: readonly IdRange[]): IdRange[] {
  return ranges.reduce<IdRange[]>((kept, range) => [...kept, ...subtract([range], kept)], [])
}

/** Whether the two share an ID. */
export function overlaps(a: IdRange, b: IdRange): boolean {
  return a.start < end(b) && b.start < end(a)
}

function end({ start, count }: IdRange): number {
  return start + count
}
