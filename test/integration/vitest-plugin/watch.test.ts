import { writeFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../../support/leftovers.ts'
import { pluginConfig, pluginTest } from '../../support/plugin-project.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

test('watch mode tries a failed set-up again, keeps services from run to run, and starts a dead one anew', async () => {
  const script = 'cat /tmp/seed; echo up; while [ ! -e /tmp/end ]; do sleep 0.02; done; exit 3'
  const file = (number: number): string => `${pluginTest}
    const db = useService('db')
    test('${number}', async () => { note({ number: ${number}, id: db.id, log: (await db.logs()).stdout }) })
    ${number === 3 ? "test('dies', async () => { await db.exec(['touch', '/tmp/end']); for (;;) await db.exec(['true']) })" : ''}`
  using project = vitestProject({
    'vitest.config.js': pluginConfig(`{ services: { db: {
      command: ['sh', '-c', ${JSON.stringify(script)}],
      binds: [{ source: import.meta.dirname + '/seed', target: '/tmp/seed' }],
      wait: { log: 'up' },
    } } }`),
    'a.test.ts': file(1),
  })
  const rerun = (number: number): void => writeFileSync(`${project.directory}/a.test.ts`, file(number))
  await using running = project.start(['watch'])
  await running.until('for file changes')
  expect(running.output()).toContain('Cannot start service "db"')
  expect(running.output()).toMatch(/FAIL {2}a\.test\.ts/)
  writeFileSync(`${project.directory}/seed`, 'seed\n')
  const noted = async (count: number): Promise<void> =>
    await expect.poll(() => project.notes().length, { timeout: 20_000 }).toBe(count)
  rerun(2)
  await noted(1)
  await running.until('for file changes', 2)
  rerun(3)
  await running.until('exited with 3 while the tests went on')
  await running.until('for file changes', 3)
  rerun(4)
  await noted(3)
  await running.until('for file changes', 4)
  expect(running.output()).toContain('airplant: service "db" exited with 3; it starts again')
  const [second, third, fourth] = project.notes()
  expect(second).toMatchObject({ number: 2, log: 'seed\nup\n' })
  expect(third?.['id']).toBe(second?.['id'])
  expect(fourth?.['id']).not.toBe(third?.['id'])
})
