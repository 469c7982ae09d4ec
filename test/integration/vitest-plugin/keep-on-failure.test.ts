import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { AttachedContainer } from '../../../src/containers/attached-container.ts'
import { findContainer } from '../../../src/containers/find-container.ts'
import { endLingering } from '../../../src/containers/reuse/end-lingering.ts'
import { Session } from '../../../src/index.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { greeter, pluginConfig, pluginTest } from '../../support/plugin-project.ts'
import { vitestProject } from '../../support/run-vitest.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

test('containers of failing tests, of their file and of failed starts stay, and the failure says how to look', async () => {
  using project = vitestProject({
    'vitest.config.js': pluginConfig(
      `{ services: { db: ${greeter} }, keepOnFailure: true, logs: false, summary: true }`,
    ),
    'a.test.ts': `${pluginTest}
      const file = useContainer(sleep)
      test('passes', async () => { note({ passed: (await withContainer(sleep)).id, file: file.id }) })
      test('fails', async () => {
        note({ failed: (await withContainer(sleep)).id })
        expect(1).toBe(2)
      })
      test('hangs', { timeout: 1500 }, async () => {
        note({ hung: (await withContainer(sleep)).id })
        await new Promise(() => {})
      })
      test('starts nothing', async () => {
        await withContainer({ command: ['sh', '-c', 'echo no disk; exit 3'], wait: { port: 1 } })
      })
      test('goes on with the container of the file', async () => {
        expect((await file.exec(['true'])).exitCode).toBe(0)
      })`,
  })
  const { tests, notes, output } = await project.run()
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['passed', 'failed', 'failed', 'failed', 'passed'])
  const { passed, file, failed, hung } = Object.assign({}, ...notes) as Record<string, string>
  for (const id of [file, failed, hung])
    expect(output).toContain(`or "airplant logs ${id}", and remove it by "airplant rm -f ${id}"`)
  const started = /"airplant logs (\w+)", or copy its files/.exec(output)?.[1] ?? 'none'
  const [session = ''] = readdirSync(join(left.stateDirectory, 'sessions'))
  await using kept = await Session.attach(join(left.stateDirectory, 'sessions', session))
  const ids = (await kept.client.list()).map(({ id }) => id)
  expect(ids.sort()).toEqual([file, failed, hung, started].sort())
  expect(ids).not.toContain(passed)
  expect(output).not.toContain('left behind')
  await using found = await findContainer(failed ?? '', process.env)
  const attached = await AttachedContainer.open(found, process.env)
  expect((await attached.exec(['echo', 'alive'])).stdout).toBe('alive\n')
  await endLingering(await Session.attach(kept.directory, { lease: true }))
})
