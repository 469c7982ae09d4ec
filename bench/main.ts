// The figures of `npm run bench`, as the user who starts it.
import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { isAirplantError } from '../src/index.ts'
import { measureBaseline } from './baseline.ts'
import { measureCreate } from './create.ts'
import { measureCommit } from './commit.ts'
import { measureDatabases } from './databases.ts'
import { measureExec } from './exec.ts'
import { measureImageStart } from './image-start.ts'
import { measureManyFiles } from './many-files.ts'
import { measurePull } from './pull.ts'
import { measureFreshProcess } from './fresh-process.ts'
import { measureKeeper } from './keeper.ts'
import { measureAlive, measureSeries } from './many.ts'
import { measureNetwork } from './network.ts'
import { measureBridge } from './network-bridge.ts'
import { measureCycles } from './network-cycles.ts'
import { measureJoin } from './network-join.ts'
import type { Section } from './samples.ts'
import { measureServer } from './server.ts'
import { formatSection } from './table.ts'
import { measureWholeProcess } from './whole-process.ts'

const benches: Readonly<Record<string, () => Promise<Section | readonly Section[]>>> = {
  baseline: measureBaseline,
  create: measureCreate,
  exec: measureExec,
  keeper: measureKeeper,
  fresh: measureFreshProcess,
  server: measureServer,
  whole: measureWholeProcess,
  series: measureSeries,
  alive: measureAlive,
  pull: measurePull,
  image: measureImageStart,
  files: measureManyFiles,
  commit: measureCommit,
  databases: measureDatabases,
  network: measureNetwork,
  bridge: measureBridge,
  join: measureJoin,
  cycles: measureCycles,
}

const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'string' } } })
const chosen = values.only?.split(',') ?? Object.keys(benches)
const unknown = chosen.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}

const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} of them, Linux ${release()}, Node ${process.version}`
console.log(machine)
const results: Record<string, Section | readonly Section[]> = {}
for (const name of chosen) {
  try {
    const measured = await benches[name]?.()
    if (!measured) continue
    results[name] = measured
    for (const section of [measured].flat()) console.log(`\n${formatSection(section)}`)
  } catch (error) {
    process.exitCode = 1
    const hint = isAirplantError(error) ? `\n  ${error.hint}` : ''
    console.log(`\n${name} failed: ${(error as Error).message}${hint}`)
  }
}
if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`)
