import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, expect, test } from 'vitest'
import { checkNothingLeft, snapshotOfHost, watchLeftovers } from '../../support/leftovers.ts'
import { greeter, pluginConfig, pluginTest } from '../../support/plugin-project.ts'
import type { VitestProject } from '../../support/run-vitest.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
const before = snapshotOfHost()
afterEach(() => checkNothingLeft(before))
afterAll(() => left.assertNone())

const statuses = (tests: readonly { status: string }[]) => tests.map(({ status }) => status)
const withDb = pluginConfig(`{ services: { db: ${greeter} } }`)

/** Its test has a service, a container that is ready and one that is not, and then never ends. */
function hangingProject(): VitestProject {
  return vitestProject({
    'vitest.config.js': pluginConfig(`{ services: { db: ${greeter} } }`, '{ testTimeout: 0 }'),
    'a.test.ts': `${pluginTest}
      const db = useService('db')
      const own = useContainer(sleep)
      test('hangs', async () => {
        const booting = withContainer({ command: ['sleep', '60'], wait: { log: 'never' } }).catch(() => undefined)
        console.log('hangs now ' + (await visit(db.address(7000))))
        await booting
      })`,
  })
}

test('a worker that ends in a test, by itself or killed, takes its own along and nothing of others', async () => {
  const file = (end: string): string => `${pluginTest}
    const db = useService('db')
    test('ends', async () => {
      const own = await withContainer(sleep)
      note({ db: db.id, pid: own.pid })
      ${end}
      await new Promise(() => {})
    })`
  using project = vitestProject({
    'vitest.config.js': pluginConfig(`{ services: { db: ${greeter} } }`, '{ fileParallelism: false }'),
    'a.test.ts': file('process.exit(3)'),
    'b.test.ts': file("process.kill(process.pid, 'SIGKILL')"),
    'c.test.ts': `${pluginTest}
      const db = useService('db')
      test('goes on', async () => {
        expect(await visit(db.address(7000))).toBe('hello')
        note({ db: db.id })
      })`,
  })
  const { notes, output, exitCode } = await project.run()
  expect(new Set(notes.map(({ db }) => db)).size, output).toBe(1)
  expect(notes).toHaveLength(3)
  expect(notes.filter(({ pid }) => typeof pid === 'number' && existsSync(`/proc/${pid}`))).toEqual([])
  expect(output).toContain('process.exit')
  expect(exitCode).toBe(1)
})

test('a hook that throws and --bail leave nothing, and the file that was not run is skipped', async () => {
  using project = vitestProject({
    'vitest.config.js': pluginConfig(`{ services: { db: ${greeter} } }`, '{ fileParallelism: false }'),
    'a.test.ts': `${pluginTest}
      const db = useService('db')
      const own = useContainer(sleep)
      describe('group', () => {
        beforeAll(async () => {
          await withContainer(sleep)
          throw new Error('hook threw')
        })
        test('never runs', () => {})
      })
      test('fails', () => { note({ own: own.id }); expect(db.id).toBe(1) })`,
    'b.test.ts': `${pluginTest}\ntest('is not run', () => note({ late: true }))`,
  })
  const { tests, output, notes } = await project.run({ args: ['--bail', '1'] })
  expect(output).toContain('hook threw')
  expect(notes.filter(({ late }) => late)).toEqual([])
  expect(statuses(tests)).toContain('failed')
})

test('two shards of one project at once have nothing to do with each other', async () => {
  const file = `${pluginTest}
    const db = useService('db')
    test('visits', async () => {
      note({ db: db.id })
      await expect.poll(() => existsSync('both'), { timeout: 15000 }).toBe(true)
      expect(await visit(db.address(7000))).toBe('hello')
    })`
  using project = vitestProject({ 'vitest.config.js': withDb, 'a.test.ts': file, 'b.test.ts': file })
  await using one = project.start(['run', '--shard=1/2'])
  await using other = project.start(['run', '--shard=2/2'])
  await expect.poll(() => project.notes().length, { timeout: 30_000 }).toBe(2)
  writeFileSync(`${project.directory}/both`, '')
  expect(await Promise.all([one.ended, other.ended]), one.output() + other.output()).toEqual([0, 0])
  expect(new Set(project.notes().map(({ db }) => db)).size).toBe(2)
})

test('SIGKILL to the main process takes all along', async () => {
  using project = hangingProject()
  await using running = project.start(['run'])
  await running.until('hangs now hello')
  process.kill(running.pid, 'SIGKILL')
  await running.ended
})

test('Ctrl-C on a terminal takes all along', async ({ skip }) => {
  const isHere = spawnSync('python3', ['-c', 'import os; os.waitstatus_to_exitcode']).status === 0
  skip(!isHere, 'python3 (3.9 or later) is missing: it makes the terminal')
  using project = hangingProject()
  const pty = fileURLToPath(new URL('../../support/pty.py', import.meta.url))
  const steps = JSON.stringify([{ expect: 'hangs now hello' }, { send: '\x03' }])
  await using running = project.start(['run'], { before: ['python3', pty, steps], env: { PTY_SECONDS: '40' } })
  await running.ended
  expect(running.output()).toMatch(/exit (?!None)/)
  expect(running.output()).not.toContain('never came')
})
