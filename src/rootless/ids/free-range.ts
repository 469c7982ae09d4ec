import { intersect, overlaps, subtract } from './extents.ts'
import type { IdRange } from './extents.ts'

/** As many IDs as an image may expect: up to nobody (65534) and the 16-bit overflow ID. */
export const FULL_COUNT = 65_536

// What systemd keeps for containers (systemd.io/UIDS-GIDS), in aligned blocks.
const FIRST_BLOCK = 524_288
const END_OF_BLOCKS = 1_878_982_656

// useradd gives out subordinate IDs only below 600100000 (login.defs, SUB_UID_MAX): an account that is added later does not
// take the block that state directories already belong to.
const PREFERRED_BLOCK = 0x6000_0000

/** What is there, and what is spoken for. */
export interface IdSpace {
  /** IDs that exist in this user namespace. */
  readonly available: readonly IdRange[]
  /** IDs of accounts and of other users' ranges. */
  readonly occupied: readonly IdRange[]
}

/**
 * A range that nobody uses, for a machine's root who has no subordinate IDs: an aligned block of 65536 in systemd's
 * container range, the same one in every run while nobody claims it; in a small outer namespace its largest gap.
 * Undefined when every ID is taken.
 */
export function findFreeRange({ available, occupied }: IdSpace): IdRange | undefined {
  for (const start of blocks()) {
    const block = { start, count: FULL_COUNT }
    const inside = intersect([block], available)
    if (inside.length === 1 && inside[0]?.count === FULL_COUNT && !occupied.some((other) => overlaps(block, other)))
      return block
    if (available.every((range) => range.start + range.count <= FIRST_BLOCK)) break
  }
  const gaps = subtract(available, [{ start: 0, count: 1 }, ...occupied]).sort((a, b) => b.count - a.count)
  const largest = gaps[0]
  return largest && { start: largest.start, count: Math.min(largest.count, FULL_COUNT) }
}

/** Where a new user's 65536 subordinate IDs could start, as useradd would choose. */
export function suggestStart(entries: readonly IdRange[]): number {
  let start = 100_000
  for (const entry of [...entries].sort((a, b) => a.start - b.start))
    if (overlaps({ start, count: FULL_COUNT }, entry)) start = entry.start + entry.count
  return start
}

function* blocks(): Generator<number> {
  for (let start = PREFERRED_BLOCK; start < END_OF_BLOCKS; start += FULL_COUNT) yield start
  for (let start = FIRST_BLOCK; start < PREFERRED_BLOCK; start += FULL_COUNT) yield start
}
