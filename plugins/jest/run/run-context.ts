import type { RunLink } from '../../../src/fixtures/run/run-protocol.ts'

/** What the main process of a jest run tells the processes of its workers, by their environment. */
export interface RunContext {
  readonly version: 1
  /** Its pid. */
  readonly main: number
  /** By the ids of projects; one that is missing has to ask for its own. */
  readonly links: Readonly<Record<string, RunLink>>
}

const NAME = 'AIRPLANT_JEST'

/** For the processes that are started from now on, and this one. */
export function writeRunContext(links: RunContext['links']): void {
  const context: RunContext = { version: 1, main: process.pid, links }
  process.env[NAME] = JSON.stringify(context)
}

/** The run that this process belongs to; undefined when its global set-up was not ours, also when a run around it has ours. */
export function readRunContext(): RunContext | undefined {
  const text = process.env[NAME]
  if (text === undefined) return undefined
  const context = JSON.parse(text) as RunContext
  return context.version === 1 && [process.pid, process.ppid].includes(context.main) ? context : undefined
}
