import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const head = `
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withContainer } from 'airplant/vitest'
import { note } from './note.js'
const sleep = { command: ['sleep', '60'] }
const alive = ({ pid }) => existsSync('/proc/' + pid)
const never = new Promise(() => {})
`

async function runFile(body: string, options: Parameters<ReturnType<typeof vitestProject>['run']>[0] = {}) {
  using project = vitestProject({ 'a.test.ts': head + body })
  return await project.run(options)
}

const pools = ['forks', 'threads'] as const

test.each(pools)('a test that timed out loses its container at once (%s)', async (pool) => {
  const { tests, output } = await runFile(
    `
    let seen
    test('hangs', { timeout: 1500 }, async () => {
      seen = await withContainer(sleep)
      await never
    })
    test('next', () => { expect(alive(seen)).toBe(false) })
    `,
    { pool },
  )
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['failed', 'passed'])
  expect(output).toContain('Test timed out in 1500ms')
})

test('a container that was still starting when the test timed out never comes', async () => {
  const { tests, notes, output } = await runFile(`
    let outcome
    test('hangs', { timeout: 1500 }, () => {
      outcome = withContainer({ ...sleep, wait: { port: 1 } }).catch((error) => error)
      return outcome
    })
    test('next', async () => {
      const { code, message, elapsed } = await outcome
      note({ code, message, elapsed })
    })
    `)
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['failed', 'passed'])
  expect(notes[0]).toMatchObject({ code: 'ERR_ABORTED' })
  expect(notes[0]?.message).toMatch(/^Cannot start the container: the test ended first\nHint: Await withContainer/)
  expect(notes[0]?.elapsed).toBeLessThan(2500)
})

test('a beforeEach that timed out loses its container at once', async () => {
  const { tests, output } = await runFile(`
    const seen = []
    beforeEach(async () => {
      seen.push(await withContainer(sleep))
      if (seen.length === 1) await never
    }, 1500)
    test('fails', () => {})
    test('next', () => { expect(seen.map(alive)).toEqual([false, true]) })
    `)
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['failed', 'passed'])
})

test.each(pools)('a beforeAll that timed out loses its container before the next group (%s)', async (pool) => {
  const { tests, notes, output } = await runFile(
    `
    let seen, outcome, file
    beforeAll(async () => { file = await withContainer(sleep) })
    describe('hangs', () => {
      beforeAll(async () => {
        seen = await withContainer(sleep)
        outcome = withContainer({ ...sleep, wait: { port: 1 } }).catch(({ code }) => code)
        await outcome
      }, 1500)
      test('skipped', () => {})
    })
    test('next', async () => {
      expect([seen, file].map(alive)).toEqual([false, true])
      note({ outcome: await outcome })
    })
    `,
    { pool },
  )
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['skipped', 'passed'])
  expect(notes[0]).toMatchObject({ outcome: 'ERR_ABORTED' })
  expect(output).toContain('Hook timed out in 1500ms')
})

test('a beforeAll of the file that timed out loses its container before afterAll has ended', async () => {
  using project = vitestProject({
    'a.test.ts': `${head}
      beforeAll(async () => { note({ pid: (await withContainer(sleep)).pid }); await never }, 1500)
      test('skipped', () => {})`,
    'b.test.ts': `
      import { existsSync, readFileSync } from 'node:fs'
      import { expect, test } from 'vitest'
      test('later', () => {
        const { pid } = JSON.parse(readFileSync(process.env.NOTES, 'utf8'))
        expect(existsSync('/proc/' + pid)).toBe(false)
      })`,
  })
  const { tests, output } = await project.run({
    args: ['--no-isolate', '--maxWorkers', '1', '--sequence.shuffle=false'],
  })
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['skipped', 'passed'])
})

test('hooks and tests that throw, and errors nobody catches, leave nothing', async () => {
  const { tests, output, exitCode } = await runFile(`
    const seen = []
    describe('a hook', () => {
      beforeAll(async () => { seen.push(await withContainer(sleep)); throw new Error('in the hook') })
      test('skipped', () => {})
    })
    test('throws', async () => { seen.push(await withContainer(sleep)); throw new Error('in the test') })
    test('uncaught', async () => {
      seen.push(await withContainer(sleep))
      setTimeout(() => { throw new Error('in a timer') })
      await new Promise((resolve) => setTimeout(resolve, 50))
    })
    test('last', () => { expect(seen.map(alive)).toEqual([false, false, false]) })
    `)
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['skipped', 'failed', 'passed', 'passed'])
  expect(output).toContain('in a timer')
  expect(exitCode).toBe(1)
  await left.assertNone()
})

test('an error while the file is read leaves nothing', async () => {
  const { output, exitCode } = await runFile(`
    await withContainer(sleep)
    throw new Error('at top level')
    `)
  expect(output).toContain('at top level')
  expect(exitCode).toBe(1)
})

test('a worker that ends itself leaves nothing', async () => {
  const { exitCode } = await runFile(`
    test('exits', async () => {
      await withContainer(sleep)
      process.kill(process.pid, 'SIGKILL')
      await never
    })
    `)
  expect(exitCode).toBe(1)
})

test('an opening that nobody awaited ends with its test', async () => {
  const { tests, output } = await runFile(`
    let outcome
    test('forgets', () => { outcome = withContainer(sleep); outcome.catch(() => {}) })
    test('next', async () => { await expect(outcome).rejects.toThrow('the test ended first') })
    `)
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['passed', 'passed'])
})

test('a failing start is a readable failure of the test', async () => {
  const { tests } = await runFile(`
    test('dies', async () => {
      await withContainer({ command: ['sh', '-c', 'echo no disk; exit 3'], wait: { port: 5432 } })
    })
    `)
  expect(tests[0]?.failures[0]).toMatch(/its process exited with 3 after \d+ ms, waiting for port 5432/)
  expect(tests[0]?.failures[0]).toContain('  | no disk')
})
