import { afterAll, describe, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const server = `{
  command: ['node', '-e', 'require("net").createServer((s) => { console.log("visited"); s.end("hello") }).listen(7000)'],
  ports: [7000],
  wait: { port: 7000 },
}`

/** A configuration with the plugin. */
function config(options: string, more = ''): string {
  return `
    import { containers } from 'airplant/vitest/plugin'
    export default { plugins: [containers(${options})], test: { testTimeout: 5000, hookTimeout: 5000, ${more} } }`
}

const head = `
import { connect } from 'node:net'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { useContainer, useService, withContainer, containerFixture, prewarm } from 'airplant/vitest'
import { note } from './note.js'
const visit = (address) => new Promise((resolve, reject) => {
  let text = ''
  connect(address).on('data', (data) => (text += data)).on('end', () => resolve(text)).on('error', reject)
})
`

test.each(['forks', 'threads', 'vmThreads'] as const)('one service is there for all files (%s)', async (pool) => {
  const file = `${head}
    const db = useService('db')
    test('is ready', async () => {
      expect(await visit(db.address(7000))).toBe('hello')
      note({ id: db.id, session: process.env.AIRPLANT_SESSION })
    })
    test('also within a test', async () => { expect((await useService('db')).id).toBe(db.id) })`
  using project = vitestProject({
    'vitest.config.js': config(`{ services: { db: ${server} } }`),
    'a.test.js': file,
    'b.test.js': file,
  })
  const { tests, notes, output, exitCode } = await project.run({ pool })
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['passed', 'passed', 'passed', 'passed'])
  expect(new Set(notes.map(({ id, session }) => `${String(id)} ${String(session)}`)).size).toBe(1)
  expect(exitCode).toBe(0)
  expect(output).not.toContain('airplant:')
})

describe('a failing test', () => {
  test('shows what its containers and services wrote during it', async () => {
    using project = vitestProject({
      'vitest.config.js': config(`{ services: { db: ${server} } }`),
      'a.test.js': `${head}
        const db = useService('db')
        const own = useContainer({ command: ['sh', '-c', 'echo once; while :; do sleep 0.1; done'] })
        beforeAll(async () => { await visit(db.address(7000)) })
        test('fails', async () => {
          await using short = await withContainer({ command: ['sh', '-c', 'echo short; sleep 60'], wait: { log: 'short' } })
          await visit(db.address(7000))
          await visit(db.address(7000))
          expect(1).toBe(2)
        })
        test('passes', () => {})
        test('hangs', { timeout: 1500 }, async () => {
          await withContainer({ command: ['sh', '-c', 'echo booting; sleep 60'], wait: { log: 'never' } })
        })`,
    })
    const { tests, output } = await project.run()
    console.log(output)
    expect(
      tests.map(({ status }) => status),
      output,
    ).toEqual(['failed', 'passed', 'failed'])
  })
})
