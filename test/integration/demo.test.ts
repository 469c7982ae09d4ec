import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { watchLeftovers } from '../support/leftovers.ts'

const checkout = join(import.meta.dirname, '..', '..')
const isBuilt = existsSync(join(checkout, 'dist', 'src', 'index.js'))

const left = watchLeftovers()
afterAll(() => left.assertNone())

interface DemoRun {
  readonly exitCode: unknown
  readonly output: string
}

/** Runs the demo as `npm run demo` does behind its build, with the state directory of this file. */
function runDemo(ids: 'single' | undefined): Promise<DemoRun> {
  const env = { ...withoutVitest(process.env), NO_COLOR: '1', AIRPLANT_IDS: ids }
  const options = { cwd: checkout, env, encoding: 'utf8', timeout: 60_000 } as const
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/demo.mjs'], options, (error, stdout, stderr) =>
      resolve({ exitCode: error ? (error.code ?? error.signal) : 0, output: stdout + stderr }),
    )
  })
}

/** The variables that vitest gives its workers would make the demo's vitest think that it is one. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(VITE|TEST$|NODE_ENV$|DEV$|PROD$|SSR$|MODE$|BASE_URL$)/.test(name)),
  )
}

test.skipIf(!isBuilt)(
  `the demo serves over a published port, keeps two containers apart, and leaves nothing${isBuilt ? '' : ': dist is missing, npm run build'}`,
  { timeout: 70_000 },
  async () => {
    const { exitCode, output } = await runDemo(undefined)
    expect(exitCode, output).toBe(0)
    expect(output).toMatch(/the keeper: ready in \d+ ms/)
    expect(output).toContain('A server in a container answers over a published port')
    expect(output).toMatch(/listens on port 3000 of a container; here that is http:\/\/127\.0\.0\.1:\d+/)
    expect(output).toContain('Files: "two" wrote /tmp/secret and sees it; in "one" there is no such file')
    expect(output).toContain('Processes: each sees one process, number 1, which is itself')
    expect(output).toContain('Ports: "two" also listens on 4000 and reaches it; "one" is refused there')
    for (const name of ['web', 'short', 'one', 'two', 'curious']) {
      expect(output).toMatch(
        new RegExp(
          `Time of "${name}": it listened after [\\d.]+ ms, was used for [\\d.]+ ms, and was gone [\\d.]+ ms later`,
        ),
      )
    }
    expect(output).toMatch(/6 tests passed\. Nothing is left: no keeper, .*no process, no mount and no directory/)
    expect(output).not.toContain('FAILED')
  },
)

test.skipIf(!isBuilt)(
  `the demo says when only a single ID is mapped${isBuilt ? '' : ': dist is missing, npm run build'}`,
  { timeout: 70_000 },
  async () => {
    const { exitCode, output } = await runDemo('single')
    expect(exitCode, output).toBe(0)
    expect(output).toContain('other users do not exist there (the single-ID mapping)')
    expect(output).not.toContain('are subordinate IDs')
    expect(output).toMatch(/6 tests passed\. Nothing is left/)
  },
)
