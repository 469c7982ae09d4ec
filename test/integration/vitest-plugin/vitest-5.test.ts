import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { greeter, pluginConfig, pluginTest } from '../../support/plugin-project.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const setup = join(import.meta.dirname, '..', '..', '..', 'scripts', 'setup', 'vitest5.mjs')

test('vitest 5 on Node 24 runs it, too', { timeout: 180_000 }, async ({ skip }) => {
  const { stdout } = spawnSync(process.execPath, [setup], { encoding: 'utf8' })
  const { directory = '', node = '', missing } = JSON.parse(stdout) as Record<string, string | undefined>
  skip(missing !== undefined, missing)
  using project = vitestProject(
    {
      'vitest.config.js': pluginConfig(`{ services: { db: ${greeter} } }`),
      'a.test.ts': `${pluginTest}
        import { test as base } from 'vitest'
        const db = useService('db')
        const file = useContainer(sleep)
        let earlier
        test('is ready', async () => {
          expect(await visit(db.address(7000))).toBe('hello')
          expect((await file.exec(['true'])).exitCode).toBe(0)
          earlier = await withContainer(sleep)
        })
        test('has scopes', () => { expect(existsSync('/proc/' + earlier.pid)).toBe(false) })
        test('fails', async () => { await visit(db.address(7000)); expect(process.version).toBe('') })
        test('hangs', { timeout: 1500 }, async () => {
          earlier = await withContainer(sleep)
          await new Promise(() => {})
        })
        test('lost it', () => { expect(existsSync('/proc/' + earlier.pid)).toBe(false) })
        const warm = base.extend('own', { scope: 'file' }, containerFixture(sleep))
        prewarm(warm, 'own')
        warm('has fixtures', ({ own }) => { expect(existsSync('/proc/' + own.pid)).toBe(true) })`,
    },
    { node, modules: join(directory, 'node_modules') },
  )
  const { tests, output } = await project.run()
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['passed', 'passed', 'failed', 'failed', 'passed', 'passed'])
  expect(output).toContain('RUN  v5.')
  expect(output).toContain('v24.')
  expect(tests[2]?.failures[0]).toMatch(/Service "db", container \w+ of host; it wrote meanwhile:\n {2}\| visited\n/)
})
