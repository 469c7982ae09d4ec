import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cliStore } from '../support/cli-store.ts'
import { codeBlocks } from '../support/documents.ts'
import { vitestProject } from '../support/run-vitest.ts'
import { testRegistry } from '../support/test-images.ts'

const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8')
const [onHost = '', onImage = '', outside = ''] = codeBlocks(readme, 'ts')
const store = cliStore()

/** Runs an example as a project that has installed the package. */
async function runExample(code: string): Promise<void> {
  using project = vitestProject({ 'example.test.ts': code })
  const { tests, output } = await project.run({
    args: ['--testTimeout', '30000'],
    env: { AIRPLANT_HOME: join(store.directory, 'store') },
  })
  expect(
    tests.map(({ status }) => status),
    output,
  ).toEqual(['passed'])
}

test('the first example of the README has at most ten lines and passes', async () => {
  expect(onHost.trimEnd().split('\n').length).toBeLessThanOrEqual(10)
  await runExample(onHost)
})

describe('with an image', () => {
  testRegistry()

  test('the second example passes', () => runExample(onImage))
})

test('the examples outside of vitest run', async () => {
  const [imports = '', ...body] = outside.trim().split('\n\n')
  await runExample(`import { test } from 'vitest'\n${imports}\ntest('runs', async () => {\n${body.join('\n')}\n})\n`)
})
