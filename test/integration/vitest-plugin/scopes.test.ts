import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import type { VitestRun } from '../../support/run-vitest.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const head = `
import { existsSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import * as plain from 'airplant'
import * as entry from 'airplant/vitest'
import { createNetwork, pool, withContainer } from 'airplant/vitest'
import { note } from './note.js'
const sleep = { command: ['sleep', '60'] }
const alive = ({ pid }) => existsSync('/proc/' + pid)
`

function expectAllPassed(run: VitestRun, count: number): void {
  expect(
    run.tests.map(({ status }) => status),
    run.output,
  ).toEqual(Array.from({ length: count }, () => 'passed'))
  expect(run.exitCode, run.output).toBe(0)
}

/** Groups of tests, the later of which look at what the earlier have left; some end in the file's `afterAll`. */
const groups = `${head}
describe('containers of a test or beforeEach', () => {
  const seen = {}
  beforeEach(async () => { seen.each = await withContainer(sleep) })
  afterEach(() => { expect(alive(seen.each)).toBe(true) })
  test('are there in it', async () => {
    seen.own = await withContainer(sleep)
    seen.ofFirst = seen.each
    onTestFinished(() => { expect([seen.own, seen.each].map(alive)).toEqual([true, true]) })
    expect(seen.own.pid).not.toBe(seen.each.pid)
  })
  test('are gone after it', () => {
    expect([seen.own, seen.ofFirst, seen.each].map(alive)).toEqual([false, false, true])
  })
})

const ofFile = [await withContainer(sleep)]
const all = () => ofFile.map(alive)
beforeAll(async () => { ofFile.push(await withContainer(sleep)) })
afterAll(() => { note({ afterAll: all() }) })
describe('containers of beforeAll or the top level', () => {
  beforeAll(async () => { ofFile.push(await withContainer(sleep)) })
  test('are there in its group', () => { expect(all()).toEqual([true, true, true]) })
})
test('containers of a beforeAll live until the file ends', () => { expect(all()).toEqual([true, true, true]) })

describe('concurrent tests', () => {
  const seen = {}
  test.concurrent('end their own containers', async ({ expect }) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    seen.short = await withContainer(sleep)
  })
  test.concurrent('and no other', async ({ expect }) => {
    seen.long = await withContainer(sleep)
    await expect.poll(() => seen.short && alive(seen.short), { timeout: 10_000 }).toBe(false)
    expect(alive(seen.long)).toBe(true)
  })
  test('leave nothing', () => { expect([seen.short, seen.long].map(alive)).toEqual([false, false]) })
})

test('await using and the callback form end a container earlier', async () => {
  let first
  { await using container = await withContainer(sleep); first = container; expect(alive(first)).toBe(true) }
  const second = await withContainer(sleep, (container) => container)
  expect([first, second].map(alive)).toEqual([false, false])
})

const tries = []
test('a retried test has containers of its own each time', { retry: 2 }, async () => {
  expect(tries.map(alive)).toEqual(tries.map(() => false))
  tries.push(await withContainer(sleep))
  expect(tries).toHaveLength(3)
})

const it = test
  .extend('shared', { scope: 'file' }, () => withContainer({ ...sleep, scope: 'file' }))
  .extend('own', async ({}, { onCleanup }) => {
    const container = await withContainer(sleep)
    onCleanup(() => note({ atCleanup: alive(container) }))
    return container
  })
describe('fixtures', () => {
  const seen = {}
  it('of a test', ({ shared, own }) => { Object.assign(seen, { shared, own }) })
  it('end with it, those of a file do not', ({ shared, own }) => {
    expect(shared).toBe(seen.shared)
    expect([shared, own, seen.own].map(alive)).toEqual([true, true, false])
  })
})

test('the entry has the rest of the API too', () => {
  for (const name of Object.keys(plain)) expect(entry).toHaveProperty(name)
  expect(entry.Session).toBe(plain.Session)
})

describe('a network ends with its test, or its file', () => {
  let wide
  beforeAll(async () => { wide = await createNetwork({ name: 'file' }) })
  test.each(['first', 'second'])('%s', async (round) => {
    const network = await createNetwork({ name: 'web' })
    await withContainer({ ...sleep, network, name: 'db' })
    await withContainer({ ...sleep, network: ['web', wide], name: round })
    expect(network.containers().map(({ name }) => name).sort()).toEqual(['db', round])
    expect(wide.containers().map(({ name }) => name)).toEqual([round])
  })
})

describe('a pool', () => {
  let pooled
  beforeAll(() => { pooled = pool(sleep, { size: 1 }) })
  const seen = {}
  test('gives', async () => {
    seen.first = await pooled.take()
    expect(alive(seen.first)).toBe(true)
  })
  test('loses what a test took with that, and ends with what made it', async () => {
    expect(alive(seen.first)).toBe(false)
    seen.pool = pool(sleep, { size: 1 })
    seen.own = await seen.pool.take()
  })
  test('has ended', async () => {
    expect(alive(seen.own)).toBe(false)
    await expect(seen.pool.take()).rejects.toThrow('the pool has ended')
    await pooled.take()
  })
})
`

test.each(['forks', 'threads', 'vmThreads'] as const)('what tests and files open ends with them (%s)', async (pool) => {
  using project = vitestProject({ 'a.test.ts': groups })
  const run = await project.run({ pool, args: ['--sequence.hooks', 'list'] })
  expectAllPassed(run, 17)
  const noted = run.notes.map(({ atCleanup, afterAll }) => atCleanup ?? afterAll)
  expect(noted).toEqual([true, true, [true, true, true]])
})

test('files of a worker without isolation end their own containers', async () => {
  const file = `${head}
    let all, top = await withContainer(sleep), own
    beforeAll(async () => { all = await withContainer(sleep) })
    test('first', async () => { own = await withContainer(sleep) })
    test('second', () => {
      expect([top, all, own].map(alive)).toEqual([true, true, false])
      for (const pid of globalThis.earlier ?? []) expect(alive({ pid })).toBe(false)
      note({ earlier: globalThis.earlier ?? [] })
      globalThis.earlier = [top.pid, all.pid, own.pid]
    })`
  using project = vitestProject({ 'a.test.ts': file, 'b.test.ts': file })
  const run = await project.run({ pool: 'threads', args: ['--no-isolate', '--maxWorkers', '1'] })
  expectAllPassed(run, 4)
  expect(run.notes.map(({ earlier }) => (earlier as number[]).length)).toEqual([0, 3])
})

test('a linked checkout works as an installed package does', async () => {
  using project = vitestProject({
    'a.test.ts': `${head}
      let own
      test('first', async () => { own = await withContainer(sleep) })
      test('second', () => { expect(alive(own)).toBe(false) })`,
  })
  const installed = join(project.directory, 'node_modules', 'airplant')
  rmSync(installed, { recursive: true })
  symlinkSync(join(import.meta.dirname, '..', '..', '..'), installed)
  expectAllPassed(await project.run(), 2)
})

test('nothing asynchronous is left of a container, as vitest sees it', async () => {
  using project = vitestProject({
    'a.test.ts': `${head}
    test('once', async () => {
      const container = await withContainer({
        command: ['node', '-e', 'net.createServer((s) => s.end()).listen(3000); console.log("listening")'],
        ports: [3000],
        wait: { all: [{ port: 3000 }, { log: 'listening' }, { exec: ['true'] }] },
      })
      expect((await container.exec(['echo', 'hello'])).stdout).toBe('hello\\n')
    })
    `,
  })
  const run = await project.run({ args: ['--detectAsyncLeaks'] })
  expectAllPassed(run, 1)
  // The session is meant to outlive the test.
  const leaks = run.output.split(/^(?=.* leaking in )/m).slice(1)
  expect(leaks.filter((leak) => !leak.includes('Session.start'))).toEqual([])
})
