import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer } from './peers.ts'
import { closeWorkshop, docker, lastLine, openWorkshop, peers } from './peers.ts'
import { runCommand } from './run-command.ts'
import type { Row, Section } from './samples.ts'
import { row, time } from './samples.ts'

const OWN = 'airplant run host -- true'
const cli = join(import.meta.dirname, '..', 'src', 'cli', 'main.js')

const own: Peer = {
  name: OWN,
  prepare() {
    if (!existsSync(cli)) throw new Error('there is no command yet')
    return { command: () => [process.execPath, cli, 'run', 'host', '--', 'true'], count: 20 }
  },
}

/** One command in isolation, as a whole process, with the tools that people use for it. */
export async function measureWholeProcess(): Promise<Section> {
  const rows: Row[] = []
  const missing: string[] = []
  const byRoot = process.env.AIRPLANT_BENCH_DOCKER
  const others = byRoot === undefined ? [...peers, docker] : peers
  const workshop = openWorkshop()
  try {
    for (const peer of [own, ...others]) {
      const measured = await measurePeer(peer, workshop)
      if (typeof measured === 'string') missing.push(`not measured: ${peer.name}: ${measured}`)
      else rows.push(measured)
    }
  } finally {
    closeWorkshop(workshop)
  }
  if (byRoot !== undefined) {
    const measured = JSON.parse(byRoot) as Row | string
    if (typeof measured === 'string') missing.push(`not measured: ${docker.name}: ${measured}`)
    else rows.push(measured)
  }
  const notes = ['airplant: Node, its keeper and all isolation; unshare and bwrap: no seccomp filter', ...missing]
  return { title: 'One command as a whole process, spawned from Node', rows, relativeTo: OWN, notes }
}

/** A row, or why there is none. */
export async function measurePeer(peer: Peer, workshop: ReturnType<typeof openWorkshop>): Promise<Row | string> {
  try {
    const { command, env, count, remove } = await peer.prepare(workshop)
    try {
      return row(peer.name, await time(count, 2, () => succeed(command(), env)))
    } finally {
      await remove?.()
    }
  } catch (error) {
    return (error as Error).message
  }
}

async function succeed(command: readonly string[], env: NodeJS.ProcessEnv | undefined): Promise<void> {
  const { code, output } = await runCommand(command, env)
  if (code !== 0) throw new Error(lastLine(output) || `exit code ${code}`)
}
