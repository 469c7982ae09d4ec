import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import type { JestProject, JestRun } from '../../support/run-jest.ts'
import { jestProject } from '../../support/run-jest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const head = `
const { existsSync } = require('node:fs')
const { useContainer, useService, withContainer } = require('airplant/jest')
const { note } = require('./note.js')
const say = (container, text) => container.exec(['sh', '-c', 'echo ' + text + ' >/proc/1/fd/1'])
const sleep = { command: ['sleep', '60'] }
const booting = { command: ['sh', '-c', 'echo booting; sleep 60'], wait: { log: 'never' } }
`

const files = {
  'shown.test.js': `${head}
    const db = useService('db')
    const own = useContainer({ ...sleep, command: ['sh', '-c', 'echo before; exec sleep 60'] })
    test('before', async () => { await own.exec(['sleep', '0.05']) })
    test('fails', async () => {
      await say(own, 'mine')
      await say(db, 'shared')
      expect(1).toBe(2)
    })
    test('fails by something that is no error', async () => {
      await say(own, 'other')
      throw 'a word'
    })
    test('fails in silence', () => { throw new Error('nothing was written') })
    let opened
    test('hangs', async () => {
      opened = await withContainer(sleep)
      await withContainer(booting)
    }, 1500)
    test('goes on after it', () => { expect(existsSync('/proc/' + opened.pid)).toBe(false) })
    test('errs', async () => {
      await withContainer({ command: ['sh', '-c', 'echo no such table; exit 3'], wait: { log: 'never' } })
    })
    test('uses what has died', async () => {
      await db.signal('SIGKILL')
      // It takes a moment to be dead.
      for (;;) await db.exec(['true'])
    })`,
  'hooks.test.js': `${head}
    describe('a hook that hangs', () => {
      let opened
      beforeAll(async () => {
        opened = await withContainer(sleep)
        await say(opened, 'from the hook')
        note({ pid: opened.pid })
        await withContainer(booting)
      }, 1500)
      test('fails its tests', () => {})
    })
    describe('after a hook that hung', () => {
      test('nothing of it is left', () => { note({ after: true }) })
    })
    describe('a hook whose container fails', () => {
      useContainer({ command: ['sh', '-c', 'echo cannot boot; exit 4'], wait: { log: 'never' } })
      test('fails each test', () => {})
      test('with the same words', () => {})
    })
    describe('too early', () => {
      const late = useContainer(sleep)
      test('is an error', () => {})
      try { late.id } catch (error) { note({ early: error.message }) }
    })
    test('useContainer in a test', () => { useContainer(sleep) })`,
}

describe('a failing run', () => {
  let project: JestProject
  let run: JestRun

  beforeAll(async () => {
    const db = { command: ['sh', '-c', 'echo ready; exec sleep 600'] }
    const testEnvironmentOptions = { airplant: { services: { db }, summary: true } }
    project = jestProject(files, { testTimeout: 20_000, testEnvironmentOptions })
    run = await project.run({ args: ['--runInBand'] })
  }, 120_000)
  afterAll(() => project[Symbol.dispose]())

  const failure = (name: string): string =>
    run.tests.find((each) => each.name === name)?.failures.join('\n') ?? `no test "${name}"`

  test('shows what containers and services wrote during a test, and nothing else', () => {
    expect(run.statuses).toMatchObject({ before: 'passed', fails: 'failed', 'goes on after it': 'passed' })
    expect(failure('fails')).toMatch(/Container \w+ of host; it wrote meanwhile:\n\s+\| mine\n/)
    expect(failure('fails')).toMatch(/Service "db", container \w+ of host; it wrote meanwhile:\n\s+\| shared\n/)
    expect(failure('fails')).not.toMatch(/\| (before|ready)/)
    expect(failure('fails by something that is no error')).toMatch(/a word[^]*\| other/)
    expect(failure('fails in silence')).not.toContain('wrote')
    // In what people read, too, and the code of the test below it.
    expect(run.output).toMatch(/\| shared[^]*> \d+ \|\s+expect\(1\)\.toBe\(2\)/)
  })

  test('tells of a test that times out while its container boots what that waited for', () => {
    expect(failure('hangs')).toContain('Exceeded timeout of 1500 ms')
    expect(failure('hangs')).toMatch(/was not ready after \d+\.\d s, waiting for log "never"[^]*\| booting/)
  })

  test('says of a container what it wrote before it ended', () => {
    expect(failure('errs')).toMatch(/exited with (code )?3/)
    expect(failure('errs')).toContain('no such table')
  })

  test('names a service that has died meanwhile', () => {
    expect(failure('uses what has died')).toMatch(/Cannot use service "db"[^]*SIGKILL/)
  })

  test('removes at once what a hook opened that timed out', () => {
    expect(run.statuses).toMatchObject({ 'after a hook that hung nothing of it is left': 'passed' })
    expect(failure('a hook that hangs fails its tests')).toMatch(/Exceeded timeout of 1500 ms for a hook/)
    expect(failure('a hook that hangs fails its tests')).toMatch(/\| from the hook/)
    expect(failure('a hook that hangs fails its tests')).toMatch(/was not ready[^]*\| booting/)
  })

  test('gives a failing useContainer() to each test once', () => {
    for (const name of ['fails each test', 'with the same words']) {
      const text = failure(`a hook whose container fails ${name}`)
      expect(text.split('cannot boot').length - 1, text).toBe(1)
    }
  })

  test('says what to do about handles that are used too early, and hooks in tests', () => {
    expect(run.notes).toContainEqual({
      early: expect.stringMatching(/Cannot use "id" of the container[^]*Hint: Use it/),
    })
    expect(failure('useContainer in a test')).toMatch(/Cannot register hooks[^]*call withContainer\(\)/)
  })

  test('sums up what was started', () => {
    expect(run.output).toMatch(/airplant: \d+ containers started, ready in \d+ ms \(median\)/)
    expect(run.exitCode).toBe(1)
  })
})

test('what a failing test opened is kept where that is asked for, and only that', async () => {
  using project = jestProject(
    {
      'a.test.js': `${head}
        test('passes', async () => { note({ gone: (await withContainer(sleep)).pid }) })
        test('fails', async () => {
          const { pid, labels } = await withContainer(sleep)
          note({ pid, label: labels['airplant.test'] })
          expect(1).toBe(2)
        })`,
    },
    { testEnvironmentOptions: { airplant: { keepOnFailure: 4000, summary: true } } },
  )
  const { notes, output } = await project.run()
  const [passed, failed] = notes
  expect(existsSync(`/proc/${String(passed?.['gone'])}`)).toBe(false)
  expect(existsSync(`/proc/${String(failed?.['pid'])}`)).toBe(true)
  expect(failed?.['label']).toBe('fails')
  expect(output).toMatch(/Container \w+ of host: It was kept for 4 seconds: look at it with "airplant exec -it/)
  await expect.poll(() => existsSync(`/proc/${String(failed?.['pid'])}`), { timeout: 20_000 }).toBe(false)
})
