import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { jestProject } from '../../support/run-jest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const sleeping = { command: ['sleep', '600'] }

const uses = `
const { useService, withContainer } = require('airplant/jest')
test('a service', async () => { expect((await (await useService('db')).exec(['true'])).exitCode).toBe(0) })
test('a container', async () => { await withContainer({ command: ['sleep', '60'] }) })
`

test('projects have services of their own, another environment may have containers, and what is missing is named', async () => {
  const services = { testEnvironmentOptions: { airplant: { services: { db: sleeping } } } }
  const project = (name: string, more: object): object => ({
    ...{ displayName: name, preset: 'airplant/jest', transform: {}, testMatch: [`**/${name}.test.js`] },
    ...services,
    ...more,
  })
  using jest = jestProject(
    {
      'first.test.js': uses,
      'other.test.js': uses.replace("'db'", "'queue'"),
      'file.test.js': uses,
      'dropped.test.js': uses,
      'wrapped.test.js': `${uses}
        test('both environments', () => { expect(globalThis.mine).toBe(true); expect(typeof airplant).toBe('undefined') })`,
      'wrapped.mjs': `
        import { withAirplant } from 'airplant/jest/with-airplant'
        import { TestEnvironment } from 'jest-environment-node'
        class Mine extends TestEnvironment {
          async setup() { await super.setup(); this.global.mine = true }
        }
        export default withAirplant(Mine)`,
      'inner/airplant.config.json': JSON.stringify({ services: { db: sleeping } }),
      'inner/file.test.js': uses,
    },
    {
      projects: [
        project('first', {}),
        project('other', { testEnvironmentOptions: { airplant: { services: { queue: sleeping } } } }),
        project('dropped', { testEnvironment: 'jest-environment-node' }),
        project('wrapped', { testEnvironment: '<rootDir>/wrapped.mjs' }),
        project('file', { rootDir: '<rootDir>/inner', roots: ['<rootDir>'], testEnvironmentOptions: {} }),
      ],
    },
  )
  const { tests, output } = await jest.run({ args: ['--maxWorkers=2', '--verbose'] })
  const failed = tests.filter(({ status }) => status !== 'passed')
  expect(failed, output).toHaveLength(2)
  for (const { failures } of failed) {
    expect(failures.join()).toMatch(/environment is not that of airplant\nHint: Set preset: 'airplant\/jest'/)
  }
  expect(tests).toHaveLength(11)
})

test('a global set-up of ones own replaces that of the preset, which is said, and may call it', async () => {
  using project = jestProject({
    'a.test.js': uses,
    'alone.mjs': 'export default async () => {}',
    'composed.mjs': `
      import airplant from 'airplant/jest/global-setup'
      export default async (...given) => { await airplant(...given) }`,
    'airplant.config.mjs': `export default { services: { db: ${JSON.stringify(sleeping)} } }`,
  })
  const [alone, composed] = await Promise.all([
    project.run({ args: ['--globalSetup=<rootDir>/alone.mjs'] }),
    project.run({ args: ['--globalSetup=<rootDir>/composed.mjs'] }),
  ])
  expect(composed.statuses, composed.output).toEqual({ 'a service': 'passed', 'a container': 'passed' })
  expect(alone.statuses, alone.output).toEqual({ 'a service': 'failed', 'a container': 'passed' })
  expect(alone.tests[0]?.failures.join()).toMatch(
    /global set-up is not that of airplant[^]*airplant\/jest\/global-setup/,
  )
})

test('a service that cannot start fails the run before its tests, and says which', async () => {
  const db = { command: ['sh', '-c', 'echo out of coffee; exit 7'], wait: { log: 'never' } }
  using project = jestProject(
    { 'a.test.js': uses },
    { testEnvironmentOptions: { airplant: { services: { db, beside: sleeping } } } },
  )
  const { exitCode, output, tests } = await project.run()
  expect(output).toMatch(/Cannot start service "db"[^]*out of coffee/)
  expect([exitCode, tests]).toEqual([1, []])
})

test('where containers cannot work, tests that need them fail, or are skipped when that is asked for', async () => {
  using project = jestProject(
    {
      'a.test.js': `${uses}
        const { useContainer } = require('airplant/jest')
        describe('a hook', () => {
          useContainer({ command: ['true'] })
          test('that needs one', () => {})
        })
        test('nothing', () => {})`,
    },
    { testEnvironmentOptions: { airplant: { services: { db: sleeping } } } },
  )
  const none = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
  const before = ['unshare', '--map-current-user', '--keep-caps', 'sh', '-c', none, 'sh']
  const [failed, skipped] = await Promise.all([
    project.run({ before }),
    project.run({ before, env: { AIRPLANT_ON_UNSUPPORTED: 'skip' } }),
  ])
  expect(failed.output).toMatch(/Cannot make a user namespace[^]*Hint: sudo sysctl/)
  expect(failed.exitCode).toBe(1)
  expect(skipped.statuses, skipped.output).toEqual({
    'a service': 'pending',
    'a container': 'pending',
    'a hook that needs one': 'pending',
    nothing: 'passed',
  })
  expect(skipped.output).toContain('containers cannot work here')
  expect(skipped.exitCode).toBe(0)
})
