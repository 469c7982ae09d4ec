import type { NetworkPath, OpenPath } from './network-paths.ts'
import type { Measurement, NetworkProgram } from './network-program.ts'
import { measure } from './network-program.ts'
import type { Row, Section } from './samples.ts'
import { percentile, row } from './samples.ts'

/** In each one every path is measured once, so that a noisy neighbour is everybody's. */
const ROUNDS = 8

/** Exchanges, connects and seconds of one round. */
const amounts: Readonly<Record<Measurement, number>> = { rtt: 500, connect: 100, download: 1, upload: 1 }

/** What is printed of one measurement. */
export interface NetworkTable {
  readonly what: Measurement
  readonly title: string
  readonly notes?: readonly string[]
}

/** Measures the paths that can be opened, in turn; the first is what the others are compared with. */
export async function measurePaths(
  paths: readonly NetworkPath[],
  program: NetworkProgram,
  tables: readonly NetworkTable[],
): Promise<Section[]> {
  const { opened, missing } = await openAll(paths, program)
  try {
    const samples = new Map(tables.map(({ what }) => [what, new Map(opened.map(({ name }) => [name, [] as number[]]))]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [what, byPath] of samples) {
        for (const { name, path } of opened) {
          byPath.get(name)?.push(...(await measure(path.client, path.at, what, amounts[what])))
        }
      }
    }
    return tables.map((table, at) => sectionOf(table, samples.get(table.what) ?? new Map(), at === 0 ? missing : []))
  } finally {
    for (const { path } of opened) await path.close()
  }
}

interface Opened {
  readonly name: string
  readonly path: OpenPath
}

async function openAll(paths: readonly NetworkPath[], program: NetworkProgram) {
  const [opened, missing]: [Opened[], string[]] = [[], []]
  for (const { name, open } of paths) {
    try {
      opened.push({ name, path: await open(program) })
    } catch (error) {
      missing.push(`not measured: ${name}: ${(error as Error).message}`)
    }
  }
  return { opened, missing }
}

function sectionOf(
  { what, title, notes = [] }: NetworkTable,
  samples: ReadonlyMap<string, readonly number[]>,
  missing: readonly string[],
): Section {
  const isRate = what === 'download' || what === 'upload'
  const rows = [...samples].map(([name, values]) => (isRate ? rateRow(name, values) : row(name, values)))
  const [base] = rows
  return {
    title,
    rows,
    unit: isRate ? 'Gbit/s' : 'µs',
    ...(base && { relativeTo: base.name }),
    notes: [...notes, ...(isRate ? ['p90: what nine of ten rounds reached'] : []), ...missing],
  }
}

/** More is better, so that the bad end is below. */
function rateRow(name: string, samples: readonly number[]): Row {
  return { name, count: samples.length, p50: percentile(samples, 0.5), p90: percentile(samples, 0.1) }
}
