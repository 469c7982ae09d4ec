import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import type { JestProject, JestRun } from '../../support/run-jest.ts'
import { jestProject } from '../../support/run-jest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const head = `
const { existsSync } = require('node:fs')
const { createNetwork, isAirplantError, pool, presets, useContainer, useService, withContainer } = require('airplant/jest')
const { note } = require('./note.js')
const sleep = { command: ['sleep', '60'] }
const isThere = ({ pid }) => existsSync('/proc/' + pid)
const shared = async (name) => (await (await useService(name)).exec(['hostname'])).output.trim()
`

const files = {
  'scopes.test.js': `${head}
    let inBeforeAll, inBeforeEach, inTest
    beforeAll(async () => { inBeforeAll = await withContainer(sleep) })
    beforeEach(async () => { inBeforeEach = await withContainer(sleep) })
    const own = useContainer(sleep)
    describe('what was opened', () => {
      test('in a test', async () => {
        inTest = await withContainer(sleep)
        inTest.before = inBeforeEach
        expect(new Set([inBeforeAll, inBeforeEach, inTest, own].map(({ id }) => id)).size).toBe(4)
      })
      test('is gone in the next, but for what is the file\\'s', async () => {
        expect([inTest, inTest.before].map(isThere)).toEqual([false, false])
        expect([inBeforeAll, inBeforeEach, own].map(isThere)).toEqual([true, true, true])
        expect(await withContainer(sleep, async ({ pid }) => isThere({ pid }))).toBe(true)
        const network = await createNetwork()
        const db = await withContainer({ ...sleep, network, name: 'db' })
        expect(db.networks.map(({ name }) => name)).toContain(network.name)
      })
    })
    const opened = {}
    test.concurrent.each(['one', 'other'])('belongs to whom of several opened it: %s', async (name) => {
      const { pid } = (opened[name] = await withContainer(sleep))
      await new Promise((resolve) => setTimeout(resolve, name === 'one' ? 1 : 300))
      expect(isThere({ pid })).toBe(true)
      if (name === 'other') expect(isThere(opened.one)).toBe(false)
    })
    test('a pool gives what is ready, and ends with its test', async () => {
      const sleepers = pool(sleep, { size: 1 })
      const taken = await sleepers.take()
      expect(isThere(taken)).toBe(true)
      inTest = taken
    })
    test('as does what was taken of it', () => { expect(isThere(inTest)).toBe(false) })
    test('fake timers stop nothing', async () => {
      jest.useFakeTimers()
      const { exit } = await withContainer({ command: ['sh', '-c', 'sleep 0.2; echo ready; sleep 60'], wait: { log: 'ready' } })
      jest.useRealTimers()
      expect(exit).toBeUndefined()
    })
    test('presets are functions of options', () => {
      const { redis } = presets
      expect(redis({ image: 'redis:7' })).toMatchObject({ image: 'redis:7', ports: [6379] })
    })
    test('errors say what they are, though they are of another realm', async () => {
      const error = await withContainer({ command: ['no-such-program'] }).catch((thrown) => thrown)
      expect([isAirplantError(error), error.code]).toEqual([true, 'ERR_COMMAND_NOT_FOUND'])
      await expect(withContainer({ nonsense: 1 })).rejects.toThrow('nonsense')
    })
    test('are told where', async () => { note({ shared: await shared('db'), own: await shared('mine') }) })
    afterAll(() => { expect(isThere(inBeforeAll)).toBe(true) })`,
  'pragma.test.js': `/** @containers db, late */
    ${head}
    const db = useService('db')
    note({ atTop: db.name })
    test('services that a file names are there from its first line on', async () => {
      expect((await db.exec(['echo', 'hello'])).output).toBe('hello\\n')
      note({ shared: await shared('db'), own: await shared('mine') })
    })`,
  'module.test.mjs': `
    import { jest } from '@jest/globals'
    import { presets, useService, withContainer } from 'airplant/jest'
    import { redis } from 'airplant/presets'
    const db = useService('db')
    const early = await withContainer({ command: ['sleep', '60'] })
    test('modules import', async () => {
      expect((await db.exec(['true'])).exitCode).toBe(0)
      expect((await early.exec(['true'])).exitCode).toBe(0)
      expect(presets.redis()).toEqual(redis())
    })`,
}

const sleeping = { command: ['sleep', '600'], hostname: 'shared' }
const services = {
  db: sleeping,
  late: { ...sleeping, lazy: true },
  mine: { command: ['sh', '-c', 'hostname $(cat /proc/sys/kernel/random/uuid | cut -c1-8); sleep 600'], per: 'worker' },
}

describe.each([
  ['in band', ['--runInBand', '--detectOpenHandles']],
  ['with workers', ['--maxWorkers=2']],
] as const)('a run %s', (_name, args) => {
  let project: JestProject
  let runs: JestRun[]

  beforeAll(async () => {
    project = jestProject(files, {
      testMatch: ['**/*.test.*js'],
      testTimeout: 20_000,
      testEnvironmentOptions: { airplant: { services } },
    })
    const env = { NODE_OPTIONS: '--experimental-vm-modules' }
    const both = [project.run({ args, env }), ...(args.length === 1 ? [project.run({ args, env })] : [])]
    runs = await Promise.all(both)
  }, 120_000)
  afterAll(() => project[Symbol.dispose]())

  test('passes all tests of CommonJS and modules, beside another run of the same project', () => {
    for (const { exitCode, output, tests, fileMessages } of runs) {
      expect({ exitCode, output, fileMessages }).toMatchObject({ exitCode: 0, fileMessages: [] })
      expect(tests).toHaveLength(12)
    }
  })

  test('has one container of a service for all files', () => {
    const [{ notes }] = runs as [JestRun]
    expect(notes.filter(({ shared }) => shared === 'shared')).toHaveLength(2)
    expect(notes).toContainEqual({ atTop: 'db' })
  })

  test('says nothing of itself, and ends by itself', () => {
    for (const { output } of runs) {
      expect(output).not.toMatch(/airplant:|open handle|did not exit|failed to exit|force exited/)
    }
  })
})
