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

/** Groups of tests, each of which looks at what the failure before it has left; names of those that fail begin so. */
const groups = `${head}
describe('a test that times out', () => {
  let seen
  test('fails: it hangs', { timeout: 1500 }, async () => {
    seen = await withContainer(sleep)
    await never
  })
  test('loses its container at once', () => { expect(alive(seen)).toBe(false) })
})

describe('a container that is still starting then', () => {
  let outcome
  test('fails: it hangs', { timeout: 1500 }, () => {
    outcome = withContainer({ ...sleep, wait: { port: 1 } }).catch((error) => error)
    return outcome
  })
  test('never comes', async () => {
    const { code, message, elapsed } = await outcome
    expect(code).toBe('ERR_ABORTED')
    expect(message).toMatch(/^Cannot start the container: the test ended first\\nHint: Await withContainer/)
    expect(elapsed).toBeLessThan(2500)
  })
})

describe('a beforeEach that times out', () => {
  const seen = []
  beforeEach(async () => {
    seen.push(await withContainer(sleep))
    if (seen.length === 1) await never
  }, 1500)
  test('fails: its hook hangs', () => {})
  test('loses its container at once', () => { expect(seen.map(alive)).toEqual([false, true]) })
})

let ofHook, outcomeOfHook, ofFile
beforeAll(async () => { ofFile = await withContainer(sleep) })
describe('a beforeAll that times out', () => {
  beforeAll(async () => {
    ofHook = await withContainer(sleep)
    outcomeOfHook = withContainer({ ...sleep, wait: { port: 1 } }).catch(({ code }) => code)
    await outcomeOfHook
  }, 1500)
  test('is skipped', () => {})
})
test('a beforeAll that timed out loses its container before the next group', async () => {
  expect([ofHook, ofFile].map(alive)).toEqual([false, true])
  expect(await outcomeOfHook).toBe('ERR_ABORTED')
})

describe('what throws', () => {
  const seen = []
  describe('a hook', () => {
    beforeAll(async () => { seen.push(await withContainer(sleep)); throw new Error('in the hook') })
    test('is skipped', () => {})
  })
  test('fails: the test', async () => { seen.push(await withContainer(sleep)); throw new Error('in the test') })
  test('a timer that nobody catches', async () => {
    seen.push(await withContainer(sleep))
    setTimeout(() => { throw new Error('in a timer') })
    await new Promise((resolve) => setTimeout(resolve, 50))
  })
  test('leaves nothing', () => { expect(seen.map(alive)).toEqual([false, false, false]) })
})

describe('an opening that nobody awaits', () => {
  let outcome
  test('is forgotten', () => { outcome = withContainer(sleep); outcome.catch(() => {}) })
  test('ends with its test', async () => { await expect(outcome).rejects.toThrow('the test ended first') })
})

test('fails: a start that fails', async () => {
  await withContainer({ command: ['sh', '-c', 'echo no disk; exit 3'], wait: { port: 5432 } })
})
`

const files = {
  forks: {
    'a.test.ts': groups,
    'top.test.ts': `${head}
      await withContainer(sleep)
      throw new Error('at top level')`,
    'worker.test.ts': `${head}
      test('ends its worker', async () => {
        await withContainer(sleep)
        process.kill(process.pid, 'SIGKILL')
        await never
      })`,
  },
  threads: { 'a.test.ts': groups },
}

test.each(['forks', 'threads'] as const)(
  'what fails loses its containers at once, and nothing else (%s)',
  async (pool) => {
    using project = vitestProject(files[pool])
    const { tests, output, exitCode } = await project.run({ pool })
    const wrong = tests.filter(({ name, status }) => status !== expectedOf(name))
    expect(wrong, output).toEqual([])
    expect(tests.length, output).toBeGreaterThanOrEqual(15)
    expect(output).toContain('Test timed out in 1500ms')
    expect(output).toContain('Hook timed out in 1500ms')
    expect(output).toContain('in a timer')
    if (pool === 'forks') expect(output).toContain('at top level')
    const failures = tests.find(({ name }) => name === 'fails: a start that fails')?.failures[0]
    expect(failures).toMatch(/its process exited with 3 after \d+ ms, waiting for port 5432/)
    expect(failures).toContain('  | no disk')
    expect(exitCode).toBe(1)
    await left.assertNone()
  },
)

function expectedOf(name: string): string {
  if (name.includes('ends its worker')) return 'pending'
  if (name.includes('fails: ')) return 'failed'
  return name.includes('is skipped') ? 'skipped' : 'passed'
}

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
