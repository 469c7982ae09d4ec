import type { ArgumentCondition } from './profile.ts'
import { pushRange } from './range-tree.ts'
import type { Range } from './range-tree.ts'
import type { Verdict } from './verdict.ts'

/** A verdict when all conditions hold, or when an argument's value is within ranges. */
export type ArgumentRule = { readonly verdict: Verdict } & (
  | { readonly conditions: readonly ArgumentCondition[] }
  | { readonly index: number; readonly ranges: readonly Range<boolean>[] }
)

interface Alternative {
  readonly verdict: Verdict
  readonly conditions: readonly ArgumentCondition[]
}

const beyondWord = 2 ** 32

/**
 * Rules on the arguments of one system call, first match wins. Neighbours that compare the same argument with 32-bit
 * numbers become one search over ranges: Docker's rule for socket(2) is two dozen of them.
 */
export function argumentRules(alternatives: readonly Alternative[]): ArgumentRule[] {
  const rules: ArgumentRule[] = []
  for (let next = 0; next < alternatives.length;) {
    const { verdict, conditions } = alternatives[next]!
    const run = comparableRun(alternatives, next)
    if (run.length === 0) rules.push({ verdict, conditions })
    else rules.push({ verdict, index: conditions[0]!.index, ranges: union(run) })
    next += run.length || 1
  }
  return rules
}

/** The intervals of the alternatives from `first` on that can be decided together with it. */
function comparableRun(alternatives: readonly Alternative[], first: number): [number, number][] {
  const { verdict, conditions } = alternatives[first]!
  const intervals: [number, number][] = []
  for (const other of alternatives.slice(first)) {
    const interval = intervalOf(other.conditions)
    if (!interval || other.verdict !== verdict || other.conditions[0]!.index !== conditions[0]!.index) break
    intervals.push(interval)
  }
  return intervals
}

/** First number within and first beyond; none when it is not one interval below 2^32. */
function intervalOf(conditions: readonly ArgumentCondition[]): [number, number] | undefined {
  const [condition] = conditions
  if (!condition || conditions.length > 1 || condition.value >= beyondWord) return undefined
  const value = Number(condition.value)
  if (condition.op === 'EQ') return [value, value + 1]
  if (condition.op === 'LT') return [0, value]
  if (condition.op === 'LE') return [0, value + 1]
  return undefined
}

function union(intervals: readonly [number, number][]): Range<boolean>[] {
  const ranges: Range<boolean>[] = []
  let beyond = 0
  for (const [start, end] of [...intervals].sort((a, b) => a[0] - b[0])) {
    if (end <= beyond) continue
    if (start > beyond) pushRange(ranges, beyond, false)
    pushRange(ranges, Math.max(start, beyond), true)
    beyond = end
  }
  if (beyond < beyondWord) pushRange(ranges, beyond, false)
  return ranges
}
