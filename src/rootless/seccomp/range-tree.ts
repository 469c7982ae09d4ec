import { jumps } from './bpf-assembler.ts'
import type { BpfAssembler, Target } from './bpf-assembler.ts'

/** From `start` up to the start of the next range, of 32-bit numbers. */
export interface Range<T> {
  readonly start: number
  readonly value: T
}

/** Adds a range after the others, or lengthens the last one when it has the same value. */
export function pushRange<T>(ranges: Range<T>[], start: number, value: T): void {
  if (ranges.at(-1)?.value !== value) ranges.push({ start, value })
}

/**
 * Writes a balanced search of the accumulator over ranges (ascending, the first one from 0), so that a call costs the
 * logarithm of their count, where libseccomp's default is a comparison per system call.
 */
export function writeTree<T>(
  program: BpfAssembler,
  ranges: readonly Range<T>[],
  leaf: (value: T) => Target,
  from = 0,
  to = ranges.length,
): Target {
  if (to - from === 1) return leaf(ranges[from]!.value)
  const middle = (from + to) >> 1
  const upper = writeTree(program, ranges, leaf, middle, to)
  const lower = writeTree(program, ranges, leaf, from, middle)
  return program.branch(jumps.greaterOrEqual, ranges[middle]!.start, upper, lower)
}
