import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram, runCommand } from './run-command.ts'
import type { Row, Section } from './samples.ts'
import { percentile, row } from './samples.ts'
import { removeTree } from './temporary-store.ts'

/** Rounds; in each one every tool pulls once, so that a noisy neighbour is everybody's. */
const ROUNDS = 3
const IMAGE = 'library/postgres'
const child = join(import.meta.dirname, 'pull-child.js')

/** What the child says of one pull. */
export interface PullReport {
  /** Milliseconds from the call to the image being ready, of a process that has started. */
  readonly pull: number
  /** KiB: the most that Node and the keeper with its workers had at one time. */
  readonly peak: number
}

interface Tool {
  readonly name: string
  /** Makes one cold pull into the directory; milliseconds. */
  readonly pull: (directory: string) => Promise<number>
}

/** A cold pull and unpack of the postgres image from a registry on loopback, beside what else does it without root. */
export async function measurePull(): Promise<Section> {
  const registry = process.env.AIRPLANT_TEST_REGISTRY
  if (!registry) throw new Error('AIRPLANT_TEST_REGISTRY is not set: "npm run bench" as root starts the registry')
  const peaks: number[] = []
  const tools = [airplant(peaks), ...(await podman(registry)), ...skopeo(registry)]
  const samples = new Map<string, number[]>(tools.map(({ name }) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, pull } of tools) {
      const directory = mkdtempSync(join(tmpdir(), 'airplant-pull-'))
      samples.get(name)?.push(await pull(directory))
      await removeTree(directory)
    }
  }
  const rows = [...samples].map(([name, times]): Row => row(name, times))
  return {
    title: `Pull and unpack ${IMAGE} from a registry on loopback, cold, whole process`,
    rows,
    relativeTo: tools[0]!.name,
    notes: [
      `peak memory of airplant's processes: ${(percentile(peaks, 0.5) / 1024).toFixed(0)} MiB`,
      'targets: at most half of podman’s time; under 200 MB',
    ],
  }
}

function airplant(peaks: number[]): Tool {
  return {
    name: 'airplant',
    async pull(directory) {
      const env = { ...process.env, AIRPLANT_HOME: join(directory, 'store') }
      return await timed([process.execPath, child, IMAGE.replace('library/', '')], env, (output) => {
        peaks.push((JSON.parse(output) as PullReport).peak)
      })
    },
  }
}

async function podman(registry: string): Promise<Tool[]> {
  const path = findProgram('podman')
  if (path === undefined) return []
  const pull = async (directory: string): Promise<number> => {
    for (const name of ['runtime', 'home']) mkdirSync(join(directory, name), { mode: 0o700 })
    const env = { ...process.env, XDG_RUNTIME_DIR: join(directory, 'runtime'), HOME: join(directory, 'home') }
    const own = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'run'), '--cgroup-manager=cgroupfs']
    const image = `docker://${registry}/${IMAGE}:latest`
    const time = await timed([path, ...own, '--events-backend=none', 'pull', '-q', '--tls-verify=false', image], env)
    await runCommand([path, ...own, 'system', 'reset', '--force'], env)
    return time
  }
  return [{ name: 'podman pull (rootless)', pull }]
}

function skopeo(registry: string): Tool[] {
  const [copy, unpack] = [findProgram('skopeo'), findProgram('umoci')]
  if (copy === undefined || unpack === undefined) return []
  const pull = async (directory: string): Promise<number> => {
    // It would look into /run/containers, which root's podman closes to others.
    const env = { ...process.env, REGISTRY_AUTH_FILE: join(directory, 'auth.json') }
    writeFileSync(env.REGISTRY_AUTH_FILE, '{}')
    const [image, layout] = [`docker://${registry}/${IMAGE}:latest`, join(directory, 'layout')]
    const copying = await timed([copy, 'copy', '-q', '--src-tls-verify=false', image, `oci:${layout}:it`], env)
    const bundle = join(directory, 'bundle')
    return copying + (await timed([unpack, 'unpack', '--rootless', '--image', `${layout}:it`, bundle], process.env))
  }
  return [{ name: 'skopeo copy, umoci unpack --rootless', pull }]
}

async function timed(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  read: (output: string) => void = () => undefined,
): Promise<number> {
  const began = performance.now()
  const { code, output } = await runCommand(command, env)
  const elapsed = performance.now() - began
  if (code !== 0) throw new Error(`${command.slice(0, 2).join(' ')} ended with ${code}: ${output.trim()}`)
  read(output)
  return elapsed
}
