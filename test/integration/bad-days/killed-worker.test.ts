import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { COUNT, holderOf, notBuilt, packagePath, remainsOf, startContainers, type Holder } from './victim.ts'

const left = watchLeftovers()
const root = tinyRoot()
const project = makeProject()
afterAll(async () => {
  root[Symbol.dispose]()
  rmSync(project, { recursive: true, force: true })
  await left.assertNone()
})

/** A vitest project of one test file, which starts the containers and then never ends. */
function makeProject(): string {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-project-'))
  const cache = JSON.stringify(join(directory, 'cache'))
  symlinkSync(packagePath('node_modules'), join(directory, 'node_modules'))
  mkdirSync(join(directory, 'test'))
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(directory, 'vitest.config.js'),
    `export default { cacheDir: ${cache}, test: { testTimeout: 0, teardownTimeout: 500 } }`,
  )
  writeFileSync(
    join(directory, 'test', 'holds.test.js'),
    `import { writeFileSync, renameSync } from 'node:fs'
     import { test } from 'vitest'
     ${startContainers(root.path)}
     test('holds the containers', async () => {
       writeFileSync(process.env.REPORT + '.new', report)
       renameSync(process.env.REPORT + '.new', process.env.REPORT)
       await new Promise(() => void setInterval(() => {}, 1000))
     })`,
  )
  return directory
}

interface Run extends Holder, AsyncDisposable {
  /** The runner's own process. */
  readonly main: number
}

/** Runs vitest in the project until the containers are up. */
async function startVitest(pool: string): Promise<Run> {
  const report = join(project, `report-${pool}-${performance.now()}`)
  const vitest = packagePath('node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', '--configLoader', 'runner', '--pool', pool, '--root', project]
  const env = {
    ...process.env,
    REPORT: report,
    VITEST: undefined,
    VITEST_POOL_ID: undefined,
    VITEST_WORKER_ID: undefined,
  }
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'], env })
  const ended = once(child, 'exit')
  let words = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (words += chunk.toString()))
  while (!existsSync(report)) {
    if (child.exitCode !== null) throw new Error(`vitest ended:\n${words}`)
    await delay(20)
  }
  return {
    ...holderOf(readFileSync(report, 'utf8')),
    main: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Until a process is gone: runners take their time over a signal. */
async function untilGone(pid: number): Promise<void> {
  await expect.poll(() => existsSync(`/proc/${pid}/ns/pid`), { timeout: 10_000, interval: 10 }).toBe(false)
}

describe.skipIf(notBuilt)(`a vitest worker that holds ${COUNT} containers`, () => {
  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'of the forks pool takes all along when it gets %s',
    async (signal) => {
      await using run = await startVitest('forks')
      expect(run.node).not.toBe(run.main)
      process.kill(run.node, signal)
      await untilGone(run.node)
      await expect.poll(() => remainsOf(run), { timeout: 1000, interval: 20 }).toEqual([])
      await expect.poll(() => existsSync(run.directory), { timeout: 1000, interval: 20 }).toBe(false)
    },
  )

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'of the threads pool takes all along when its process gets %s',
    async (signal) => {
      await using run = await startVitest('threads')
      expect(run.node).toBe(run.main)
      process.kill(run.main, signal)
      await untilGone(run.main)
      await expect.poll(() => remainsOf(run), { timeout: 1000, interval: 20 }).toEqual([])
      await expect.poll(() => existsSync(run.directory), { timeout: 1000, interval: 20 }).toBe(false)
    },
  )
})
