import { join } from 'node:path'
import { runCommand } from './run-command.ts'
import type { Row, Section } from './samples.ts'
import { row } from './samples.ts'
import type { Milestones } from './fresh-process-child.ts'

const COUNT = 15
const child = join(import.meta.dirname, 'fresh-process-child.js')

/** A whole new Node process that imports airplant and makes one container: what the first test of a file pays. */
export async function measureFreshProcess(): Promise<Section> {
  const lives: (Milestones & { ended: number })[] = []
  for (let index = -1; index < COUNT; index++) {
    const began = performance.now()
    const { code, output } = await runCommand([process.execPath, child])
    const whole = performance.now() - began
    if (code !== 0) throw new Error(`The fresh process ended with ${code}: ${output}`)
    if (index >= 0) lives.push({ ...(JSON.parse(output) as Milestones), ended: whole })
  }
  const phase = (name: string, duration: (life: (typeof lives)[number]) => number): Row =>
    row(name, lives.map(duration))
  return {
    title: 'A fresh Node process with one container',
    rows: [
      phase('Node itself, to the first line', ({ running }) => running),
      phase('import of airplant', ({ imported, running }) => imported - running),
      phase('keeper and first container, call to executed', ({ started, imported }) => started - imported),
      phase('executed to removed', ({ removed, started }) => removed - started),
      phase('import to removed', ({ removed, running }) => removed - running),
      phase('exit', ({ ended, removed }) => ended - removed),
      phase('the whole process, spawn to end', ({ ended }) => ended),
    ],
    notes: ['target: import to removed within 60 ms; modules load while the keeper boots'],
  }
}
