import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Container } from '../src/index.ts'
import { Session, withContainer } from '../src/index.ts'
import { memoryOf, processTree } from './process-tree.ts'
import type { Section } from './samples.ts'
import { row, time } from './samples.ts'

const IN_SERIES = 1000
const ALIVE = 200

/** Many containers one after another: the last must not be slower than the first. */
export async function measureSeries(): Promise<Section> {
  const session = await Session.start()
  const command = ['/bin/true']
  const run = (): Promise<unknown> => withContainer({ command, session }, (container) => container.wait())
  const samples = await time(IN_SERIES, 20, run)
  const left = await leftIn(session)
  await session[Symbol.asyncDispose]()
  return {
    title: `${IN_SERIES} containers one after another`,
    rows: [row('the first 100', samples.slice(0, 100)), row('the last 100', samples.slice(-100)), row('all', samples)],
    notes: [left, goneText(session)],
  }
}

/** Many containers at once, and what each costs in memory. */
export async function measureAlive(): Promise<Section> {
  const session = await Session.start()
  await withContainer({ command: ['/bin/true'], session }, (container) => container.wait())
  const before = { own: memoryOf(processTree(session.keeperPid)), machine: availableMemory() }
  const alive: Container[] = []
  const start = async (): Promise<void> => void alive.push(await withContainer({ command: ['sleep', '600'], session }))
  const started = await time(ALIVE, 0, start)
  const after = { own: memoryOf(processTree(session.keeperPid)), machine: availableMemory() }
  const removed = await time(ALIVE, 0, async () => alive.pop()?.[Symbol.asyncDispose]())
  const left = await leftIn(session)
  await session[Symbol.asyncDispose]()
  return {
    title: `${ALIVE} containers alive at once, each with "sleep"`,
    rows: [
      row('start of the first 50', started.slice(0, 50)),
      row('start of the last 50', started.slice(-50)),
      row('removal', removed),
    ],
    notes: [memoryText(before, after), left, goneText(session)],
  }
}

interface Measured {
  readonly own: ReturnType<typeof memoryOf>
  readonly machine: number
}

function memoryText(before: Measured, after: Measured): string {
  const per = (value: number): string => `${(value / ALIVE).toFixed(0)} KiB`
  const { pss } = after.own
  const shared = pss === undefined || before.own.pss === undefined ? '' : `PSS ${per(pss - before.own.pss)}, `
  const processes = `${((after.own.processes - before.own.processes) / ALIVE).toFixed(1)} processes`
  const kernel = `the machine's available memory fell by ${per(before.machine - after.machine)}, kernel objects included`
  return `per container: ${processes}, ${shared}anonymous ${per(after.own.anonymous - before.own.anonymous)}; ${kernel}`
}

function availableMemory(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0)
}

/** Waits for the background's deleting, at most two seconds. */
async function leftIn({ client, directory, keeperPid }: Session): Promise<string> {
  const listed = await client.list()
  const deadline = performance.now() + 2000
  const directories = (): number => countEntries(join(directory, 'containers')) + countEntries(join(directory, 'trash'))
  while (directories() > 0 && performance.now() < deadline) await setTimeout(20)
  const processes = processTree(keeperPid).length
  return `left in the session: ${listed.length} containers, ${directories()} directories, ${processes} processes (the keeper's own)`
}

function goneText({ directory, keeperPid }: Session): string {
  const left = [existsSync(directory) && 'its directory', existsSync(`/proc/${keeperPid}`) && 'its process'].filter(
    Boolean,
  )
  return left.length === 0 ? 'after the session: nothing is left' : `LEFT after the session: ${left.join(', ')}`
}

function countEntries(directory: string): number {
  return existsSync(directory) ? readdirSync(directory).length : 0
}
