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
import { createNetwork, withContainer } from 'airplant/vitest'
import { note } from './note.js'
const sleep = { command: ['sleep', '60'] }
const alive = ({ pid }) => existsSync('/proc/' + pid)
`

async function runFile(body: string, options: Parameters<ReturnType<typeof vitestProject>['run']>[0] = {}) {
  using project = vitestProject({ 'a.test.ts': head + body })
  return await project.run(options)
}

function expectAllPassed(run: VitestRun, count: number): void {
  expect(
    run.tests.map(({ status }) => status),
    run.output,
  ).toEqual(Array.from({ length: count }, () => 'passed'))
  expect(run.exitCode, run.output).toBe(0)
}

const pools = ['forks', 'threads', 'vmThreads'] as const

test.each(pools)('a container of a test or beforeEach is gone after that test (%s)', async (pool) => {
  const run = await runFile(
    `
    const seen = {}
    beforeEach(async () => { seen.each = await withContainer(sleep) })
    afterEach(() => { expect(alive(seen.each)).toBe(true) })
    test('first', async () => {
      seen.own = await withContainer(sleep)
      seen.ofFirst = seen.each
      onTestFinished(() => { expect([seen.own, seen.each].map(alive)).toEqual([true, true]) })
      expect(seen.own.pid).not.toBe(seen.each.pid)
    })
    test('second', () => {
      expect([seen.own, seen.ofFirst, seen.each].map(alive)).toEqual([false, false, true])
    })
    `,
    { pool },
  )
  expectAllPassed(run, 2)
})

test.each(pools)('a container of beforeAll or the top level lives until the file ends (%s)', async (pool) => {
  const run = await runFile(
    `
    const seen = [await withContainer(sleep)]
    const all = () => seen.map(alive)
    beforeAll(async () => { seen.push(await withContainer(sleep)) })
    afterAll(() => { note({ afterAll: all(), pids: seen.map(({ pid }) => pid) }) })
    describe('group', () => {
      beforeAll(async () => { seen.push(await withContainer(sleep)) })
      test('one', () => { expect(all()).toEqual([true, true, true]) })
    })
    test('two', () => { expect(all()).toEqual([true, true, true]) })
    `,
    { pool, args: ['--sequence.hooks', 'list'] },
  )
  expectAllPassed(run, 2)
  expect(run.notes).toEqual([expect.objectContaining({ afterAll: [true, true, true] })])
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
  for (const pool of ['forks', 'threads'] as const) {
    const run = await project.run({ pool, args: ['--no-isolate', '--maxWorkers', '1'] })
    expectAllPassed(run, 4)
    expect(run.notes.map(({ earlier }) => (earlier as number[]).length)).toEqual([0, 3])
  }
})

test('concurrent tests end their own containers and no other', async () => {
  const run = await runFile(`
    const seen = {}
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    test.concurrent('short', async ({ expect }) => {
      await pause(20)
      seen.short = await withContainer(sleep)
    })
    test.concurrent('long', async ({ expect }) => {
      seen.long = await withContainer(sleep)
      await expect.poll(() => seen.short && alive(seen.short)).toBe(false)
      expect(alive(seen.long)).toBe(true)
      await pause(50)
      expect(alive(seen.long)).toBe(true)
    })
    test('later', () => {
      expect([seen.short, seen.long].map(alive)).toEqual([false, false])
    })
    `)
  expectAllPassed(run, 3)
})

test('await using and the callback form end a container earlier', async () => {
  const run = await runFile(`
    test('both', async () => {
      let first
      { await using container = await withContainer(sleep); first = container; expect(alive(first)).toBe(true) }
      const second = await withContainer(sleep, (container) => container)
      expect([first, second].map(alive)).toEqual([false, false])
    })
    `)
  expectAllPassed(run, 1)
})

test('a retried or repeated test has containers of its own each time', async () => {
  const run = await runFile(`
    const seen = []
    test('third time lucky', { retry: 2 }, async () => {
      expect(seen.map(alive)).toEqual(seen.map(() => false))
      seen.push(await withContainer(sleep))
      expect(seen).toHaveLength(3)
    })
    `)
  expectAllPassed(run, 1)
})

test('fixtures: of a test they end with it, of a file with that when they say so', async () => {
  const run = await runFile(`
    const seen = {}
    const it = test
      .extend('shared', { scope: 'file' }, () => withContainer({ ...sleep, scope: 'file' }))
      .extend('own', async ({}, { onCleanup }) => {
        const container = await withContainer(sleep)
        onCleanup(() => note({ atCleanup: alive(container) }))
        return container
      })
    it('first', ({ shared, own }) => { Object.assign(seen, { shared, own }) })
    it('second', ({ shared, own }) => {
      expect(shared).toBe(seen.shared)
      expect([shared, own, seen.own].map(alive)).toEqual([true, true, false])
    })
    `)
  expectAllPassed(run, 2)
  expect(run.notes.map(({ atCleanup }) => atCleanup)).toEqual([true, true])
})

test('the entry has the rest of the API too', async () => {
  const run = await runFile(`
    import * as plain from 'airplant'
    import * as entry from 'airplant/vitest'
    test('same', () => {
      for (const name of Object.keys(plain)) expect(entry).toHaveProperty(name)
      expect(entry.Session).toBe(plain.Session)
    })
    `)
  expectAllPassed(run, 1)
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
  const run = await runFile(
    `
    test('once', async () => {
      const container = await withContainer({
        command: ['node', '-e', 'net.createServer((s) => s.end()).listen(3000); console.log("listening")'],
        ports: [3000],
        wait: { all: [{ port: 3000 }, { log: 'listening' }, { exec: ['true'] }] },
      })
      expect((await container.exec(['echo', 'hello'])).stdout).toBe('hello\\n')
    })
    `,
    { args: ['--detectAsyncLeaks'] },
  )
  expectAllPassed(run, 1)
  // The session is meant to outlive the test.
  const leaks = run.output.split(/^(?=.* leaking in )/m).slice(1)
  expect(leaks.filter((leak) => !leak.includes('Session.start'))).toEqual([])
})

test('a network ends with its test, or its file, and its containers with it', async () => {
  const run = await runFile(`
    const ofFile = await createNetwork({ name: 'file' })
    for (const round of ['first', 'second']) {
      test(round, async () => {
        const network = await createNetwork({ name: 'web' })
        await withContainer({ ...sleep, network, name: 'db' })
        await withContainer({ ...sleep, network: ['web', ofFile], name: round })
        expect(network.containers().map(({ name }) => name).sort()).toEqual(['db', round])
        expect(ofFile.containers().map(({ name }) => name)).toEqual([round])
      })
    }
    `)
  expectAllPassed(run, 2)
})

test('what a test takes from a pool ends with it, and the pool with the file', async () => {
  const run = await runFile(`
    import { pool } from 'airplant/vitest'
    const pooled = pool(sleep, { size: 1 })
    const seen = {}
    afterAll(() => { note({ ready: pooled.ready }) })
    test('first', async () => {
      seen.first = await pooled.take()
      expect(alive(seen.first)).toBe(true)
    })
    test('second', async () => {
      expect(alive(seen.first)).toBe(false)
      const own = pool(sleep, { size: 1 })
      seen.own = await own.take()
      seen.pool = own
    })
    test('third', async () => {
      expect(alive(seen.own)).toBe(false)
      await expect(seen.pool.take()).rejects.toThrow('the pool has ended')
      await pooled.take()
    })
  `)
  expectAllPassed(run, 3)
})
