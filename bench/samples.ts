/** One line of a table. */
export interface Row {
  readonly name: string
  readonly count: number
  /** In the section's unit. */
  readonly p50: number
  readonly p90: number
}

/** One table. */
export interface Section {
  readonly title: string
  readonly rows: readonly Row[]
  /** @default 'ms' */
  readonly unit?: string
  /** Sentences under the table. */
  readonly notes?: readonly string[]
  /** Adds a column: p50 divided by that of this row. */
  readonly relativeTo?: string
}

/** A line from samples in the section's unit. */
export function row(name: string, samples: readonly number[]): Row {
  return { name, count: samples.length, p50: percentile(samples, 0.5), p90: percentile(samples, 0.9) }
}

export function percentile(samples: readonly number[], fraction: number): number {
  const sorted = samples.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN
}

/** Calls it so many times, one after another, after a warm-up; the milliseconds of each call. */
export async function time(count: number, warmUp: number, call: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let index = -warmUp; index < count; index++) {
    const began = performance.now()
    await call()
    if (index >= 0) samples.push(performance.now() - began)
  }
  return samples
}
