import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { greeter, pluginConfig, pluginTest } from '../../support/plugin-project.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const statuses = (tests: readonly { status: string }[]) => tests.map(({ status }) => status)

test('one service is there for all files, in contexts of vmThreads too', async () => {
  const file = `${pluginTest}
    const db = useService('db')
    test('is ready', async () => {
      expect(await visit(db.address(7000))).toBe('hello')
      note({ id: db.id })
    })
    test('also within a test', async () => { expect((await useService('db')).id).toBe(db.id) })
    test('beside what tests start', async () => {
      const own = await withContainer(sleep)
      expect((await own.exec(['true'])).exitCode).toBe(0)
    })`
  using project = vitestProject({
    'vitest.config.js': pluginConfig(`{ services: { db: ${greeter} } }`),
    'a.test.ts': file,
    'b.test.ts': file,
  })
  const { tests, notes, output, exitCode } = await project.run({ pool: 'vmThreads' })
  expect(statuses(tests), output).toEqual(Array(6).fill('passed'))
  expect(new Set(notes.map(({ id }) => id)).size).toBe(1)
  expect(exitCode).toBe(0)
  // A run without news says nothing.
  expect(output).not.toContain('airplant:')
})

test('projects share a service, workers have theirs, a lazy one that nobody needs is not started', async () => {
  const file = `${pluginTest}
    const [db, mine] = [useService('db'), useService('mine')]
    test('ids', () => note({ db: db.id, mine: mine.id, slot: process.env.VITEST_POOL_ID }))`
  using project = vitestProject({
    'airplant.config.ts': `
      import { defineConfig } from 'airplant/config'
      const sleep: { command: string[] } = { command: ['sleep', '60'] }
      export default defineConfig({
        summary: 'verbose',
        services: { db: sleep, mine: { ...sleep, per: 'worker' }, unused: { command: ['no-such-program'], lazy: true } },
      })`,
    'vitest.config.js': pluginConfig(
      '',
      `{ isolate: false, maxWorkers: 2, projects: [
        { extends: true, test: { name: 'one', include: ['a*.test.ts'] } },
        { extends: true, test: { name: 'two', include: ['b.test.ts'] } },
      ] }`,
    ),
    'a1.test.ts': file,
    'a2.test.ts': file,
    'b.test.ts': `${file}
      import { withContainer as unscoped } from 'airplant'
      test('leaves one', async () => { await unscoped(sleep) })`,
  })
  const { tests, notes, output } = await project.run()
  expect(statuses(tests), output).toEqual(Array(4).fill('passed'))
  expect(new Set(notes.map(({ db }) => db)).size).toBe(1)
  const slots = new Set(notes.map(({ slot }) => slot))
  expect(new Set(notes.map(({ slot, mine }) => `${String(slot)} ${String(mine)}`)).size).toBe(slots.size)
  expect(output).toMatch(/airplant: \d containers started, ready in \d.* \(median\), slowest .* host; peak memory \d/)
  expect(output).toMatch(
    /left behind: container \w{12} of host, by b.test.ts > leaves one, opened at b.test.ts:\d+:\d+;/,
  )
})

test('a failing test shows what its containers wrote during it, one that passes asks for nothing', async () => {
  using project = vitestProject({
    'vitest.config.js': pluginConfig(`{ services: { db: ${greeter}, mortal: {
      command: ['sh', '-c', 'echo born; while [ ! -e /tmp/end ]; do sleep 0.02; done; echo no space left; exit 3'],
      wait: { log: 'born' },
    } } }`),
    'a.test.ts': `${pluginTest}
      import { test as base } from 'vitest'
      const db = useService('db')
      const mortal = useService('mortal')
      const script = 'echo early; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo late; exec sleep 60'
      const own = useContainer({ command: ['sh', '-c', script] })
      beforeAll(async () => { await visit(db.address(7000)) })
      test('passes', () => new Promise((resolve) => setTimeout(resolve, 50)))
      test('fails', async () => {
        await using short = await withContainer({ command: ['sh', '-c', 'echo short; exec sleep 60'], wait: { log: 'short' } })
        await own.exec(['touch', '/tmp/go'])
        await visit(db.address(7000))
        while (!(await own.logs()).stdout.includes('late')) {}
        expect(1).toBe(2)
      })
      test('hangs', { timeout: 1500 }, async () => {
        await withContainer({ command: ['sh', '-c', 'echo booting; exec sleep 60'], wait: { log: 'never' } })
      })
      test('meets a dead service', async () => {
        vi.useFakeTimers()
        await mortal.exec(['touch', '/tmp/end'])
        for (;;) await mortal.exec(['true'])
      })
      const warm = base.extend('redis', { scope: 'file' }, containerFixture({ command: ['sh', '-c', 'sleep 1; echo up; exec sleep 60'], wait: { log: 'up' } }))
      prewarm(warm, 'redis')
      warm('was started before', { timeout: 900 }, async ({ redis }) => { expect((await redis.logs()).stdout).toBe('up\\n') })`,
  })
  const { tests, output } = await project.run({ pool: 'threads' })
  expect(statuses(tests), output).toEqual(['passed', 'failed', 'failed', 'failed', 'passed'])
  const [, fails, , dead] = tests.map(({ failures }) => failures[0] ?? '')
  expect(fails).toContain('Service "db", container')
  expect(fails).toMatch(/of host; it wrote meanwhile:\n {2}\| visited\n/)
  expect(fails).toMatch(/of host; it wrote meanwhile:\n {2}\| late\n/)
  expect(fails).toMatch(/of host; it wrote meanwhile:\n {2}\| short\n/)
  expect(fails).not.toContain('early')
  expect(output).toMatch(
    /of host was not ready after 1\.\d s, waiting for log "never"; it wrote meanwhile:\n {2}\| booting\nHint: /,
  )
  expect(dead).toContain('Cannot use service "mortal": its container')
  expect(dead).toContain('exited with 3 while the tests went on')
  expect(dead).toContain('| no space left')
  expect(output).toContain('| late')
})

test.each(['skip', 'fail'] as const)('where containers cannot work, tests that need them %s', async (policy) => {
  using project = vitestProject({
    'vitest.config.js': pluginConfig(`{ onUnsupported: '${policy}', services: { db: ${greeter} } }`),
    'a.test.ts': `${pluginTest}
      const db = useService('db')
      const own = useContainer(sleep)
      beforeAll(async () => { await withContainer(sleep) })
      test('needs them', async () => { await withContainer(sleep) })`,
    'b.test.ts': `import { test } from 'vitest'; test('needs none', () => {})`,
  })
  const none = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
  const { tests, output, exitCode } = await project.run({
    before: ['unshare', '--map-current-user', '--keep-caps', 'sh', '-c', none, 'sh'],
  })
  if (policy === 'skip') expect(statuses(tests).sort(), output).toEqual(['passed', 'pending'])
  expect(exitCode).toBe(policy === 'skip' ? 0 : 1)
  expect(output).toContain('Cannot make a user namespace')
  expect(output).toContain('Hint: sudo sysctl -w user.max_user_namespaces=')
})
