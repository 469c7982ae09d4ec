import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { checkNothingLeft, snapshotOfHost, watchLeftovers } from '../../support/leftovers.ts'
import type { RunningJest } from '../../support/run-jest.ts'
import { jestProject } from '../../support/run-jest.ts'

const left = watchLeftovers()
const before = snapshotOfHost()
const running: RunningJest[] = []

afterAll(() => left.assertNone())
afterEach(() => {
  for (const { process } of running.splice(0)) process.kill('SIGKILL')
})

const testEnvironmentOptions = { airplant: { services: { db: { command: ['sleep', '600'] } } } }

const head = `
const { useService, withContainer } = require('airplant/jest')
const { note } = require('./note.js')
const sleep = { command: ['sleep', '600'] }
const forEver = () => new Promise((resolve) => setTimeout(resolve, 600_000))
`

const hanging = `${head}
  test('hangs', async () => {
    await useService('db')
    await withContainer(sleep)
    note({ worker: process.pid })
    await forEver()
  }, 600_000)`

async function until(what: () => boolean, jest: RunningJest): Promise<void> {
  await expect.poll(what, { timeout: 60_000, message: jest.output() }).toBe(true)
}

test.each([
  ['SIGINT', '--runInBand'],
  ['SIGTERM', '--maxWorkers=2'],
  ['SIGKILL', '--maxWorkers=2'],
] as const)('%s of the main process leaves nothing (%s)', async (signal, workers) => {
  using project = jestProject({ 'a.test.js': hanging, 'b.test.js': hanging }, { testEnvironmentOptions })
  const jest = project.start({ args: [workers] })
  running.push(jest)
  await until(() => jest.notes().length === (workers === '--runInBand' ? 1 : 2), jest)
  jest.process.kill(signal)
  await once(jest.process, 'exit')
  // Workers are jest's to end; containers are ours.
  for (const pid of jest.notes().map(({ worker }) => worker as number)) if (pid !== jest.process.pid) end(pid)
  await checkNothingLeft(before)
})

test('process.exit in a test, a worker that is killed, and --bail leave nothing, and the run ends', async () => {
  const files = {
    'exits.test.js': `${head}
      test('exits', async () => {
        await withContainer(sleep)
        process.exit(3)
      })`,
    'killed.test.js': `${head}
      test('is killed', async () => {
        await withContainer(sleep)
        process.kill(process.pid, 'SIGKILL')
        await forEver()
      })`,
    'fails.test.js': `${head}
      test('fails', async () => {
        await withContainer(sleep)
        throw new Error('as it should')
      })`,
    'works.test.js': `${head}
      test('works', async () => { expect((await (await useService('db')).exec(['true'])).exitCode).toBe(0) })`,
  }
  using project = jestProject(files, { testEnvironmentOptions })
  const [workers, inBand, bailed] = await Promise.all([
    project.run({ args: ['--maxWorkers=2'] }),
    project.run({ args: ['--runInBand', 'exits'] }),
    project.run({ args: ['--maxWorkers=2', '--bail', 'fails', 'works'] }),
  ])
  expect(workers.statuses, workers.output).toMatchObject({ works: 'passed', fails: 'failed' })
  expect([inBand.exitCode, bailed.exitCode]).toEqual([3, 1])
  expect(bailed.output).toContain('as it should')
  await checkNothingLeft(before)
})

test('watch mode keeps services between runs, and tries again what could not start', async () => {
  using project = jestProject({
    'a.test.js': `${head}
      test('has it', async () => { note({ id: (await useService('db')).id }) })`,
    'airplant.config.json': '{ "services": { "db": { "command": ["no-such-program"] } } }',
  })
  const touch = (text: string): void =>
    writeFileSync(join(project.directory, 'a.test.js'), `${head}test('has it', async () => { ${text} })`)
  const jest = project.start({ args: ['--watchAll'] })
  running.push(jest)
  const runs = (): number => jest.output().split('Ran all test suites').length - 1
  await until(() => runs() === 1, jest)
  expect(jest.output()).toMatch(/airplant: Cannot start service "db"[^]*✕ has it[^]*no-such-program/)
  const config = { services: { db: { command: ['sleep', '600'] } } }
  writeFileSync(join(project.directory, 'airplant.config.json'), JSON.stringify(config))
  touch(`note({ id: (await useService('db')).id })`)
  await until(() => runs() === 2, jest)
  touch(`note({ again: (await useService('db')).id })`)
  await until(() => jest.notes().length === 2, jest)
  const [first, second] = jest.notes()
  expect(second).toEqual({ again: first?.['id'] })
  jest.process.kill('SIGTERM')
  await once(jest.process, 'exit')
  await checkNothingLeft(before)
}, 120_000)

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
