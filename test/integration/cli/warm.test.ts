import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Container } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { disposeDefaultSession } from '../../../src/rootless/default-session.ts'
import { cliStore } from '../../support/cli-store.ts'

const store = cliStore()
const home = store.env['AIRPLANT_HOME']!
let runs = 0

beforeAll(async () => {
  process.env['AIRPLANT_HOME'] = home
  await store.importImage('tiny:1')
})
afterAll(async () => {
  delete process.env['AIRPLANT_HOME']
  await disposeDefaultSession()
})

/** Starts a container whose warm layer depends on the text. */
async function prepared(text: string, use: (container: Container) => unknown = () => undefined): Promise<void> {
  const command = ['sh', '-c', 'trap "exit 0" TERM; echo ready; sleep 99 & wait']
  const prepare = async (container: Container): Promise<void> => {
    runs++
    await container.exec(['sh', '-c', 'echo 0123456789 > /made'])
  }
  await withContainer({ image: 'tiny:1', command, wait: { log: 'ready' }, prepare, inputs: { values: [text] } }, use)
}

test('warm layers are listed with what they were prepared on, and removed so that they are prepared again', async () => {
  await prepared('one')
  await prepared('one')
  expect(runs).toBe(1)
  const [head, line, ...rest] = (await store.output('warm', 'ls')).split('\n')
  expect(head).toMatch(/^KEY +IMAGE +PREPARED IN +CREATED +USED +SIZE$/)
  expect(line).toMatch(/^[0-9a-f]{24} +tiny:1 +[\d.]+s +Less than a second ago|\d+ seconds? ago/)
  expect(rest).toEqual([])
  const key = await store.output('warm', 'ls', '-q')
  expect(await store.output('warm', 'rm', key.slice(0, 8))).toBe(key)
  expect(await store.output('warm', 'ls', '-q')).toBe('')
  await prepared('one')
  expect(runs).toBe(2)
  expect(await store.output('warm', 'rm', 'tiny:1')).toBe(key)
  const missing = await store.run(['warm', 'rm', 'nothing'])
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('airplant warm ls') as string })
})

test('pruning removes what was not used lately and nothing that is in use', async () => {
  await prepared('old')
  const old = await store.output('warm', 'ls', '-q')
  const [record] = readdirSync(join(home, 'images'))
  utimesSync(join(home, 'images', record!), 1000, 1000)
  await prepared('new')
  expect((await store.output('warm', 'ls', '-q')).split('\n').at(-1)).toBe(old)
  const pruned = await store.output('warm', 'prune')
  expect(pruned).toMatch(/^Deleted: airplant.warm\/tiny:[0-9a-f]{24}\nTotal reclaimed space: [1-9]/)
  expect(pruned).toContain(old)
  await prepared('new', async () => {
    expect(await store.output('warm', 'prune', '--all')).toBe('Total reclaimed space: 0B')
  })
  expect(await store.output('warm', 'prune', '--all')).toMatch(/^Deleted/)
  expect(await store.run(['warm', 'prune', '--unused-for', 'x'])).toMatchObject({ code: 125 })
})

test('the services of a configuration are warmed up ahead, each once', async () => {
  const directory = join(store.directory, 'project')
  mkdirSync(directory)
  const config = `
    const base: object = { image: 'tiny:1', command: ['sh', '-c', 'trap "exit 0" TERM; echo ready; sleep 99 & wait'] }
    export default {
      services: {
        db: { ...base, wait: { log: 'ready' }, prepare: async (db) => { await db.exec(['touch', '/made']) } },
        plain: base,
        here: { command: ['true'] },
      },
    }`
  writeFileSync(join(directory, 'airplant.config.ts'), config)
  const warmed = await store.run(['warm', 'up'], { cwd: directory })
  expect(warmed.stderr).toBe('')
  expect(warmed.out).toMatch(/^tiny:1\ndb: warm, ready after [\d.]+s\ntiny:1\n$/)
  expect(await store.output('warm', 'ls', '-q')).toMatch(/^[0-9a-f]{24}$/)
  expect((await store.run(['warm', 'up', 'db'], { cwd: directory })).code).toBe(0)
  expect(await store.output('warm', 'ls', '-q')).toMatch(/^[0-9a-f]{24}$/)
  const unknown = await store.run(['warm', 'up', 'dc'], { cwd: directory })
  expect(unknown).toMatchObject({ code: 125, stderr: expect.stringContaining('db, plain, here') as string })
  const without = await store.run(['warm', 'up'], { cwd: store.directory })
  expect(without.stderr).toContain('airplant.config')
})
