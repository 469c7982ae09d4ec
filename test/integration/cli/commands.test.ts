import { readFileSync } from 'node:fs'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { airplant, noCli } from '../../support/cli.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
beforeEach(({ skip }) => skip(noCli !== undefined, noCli))
afterAll(() => left.assertNone())

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const { code, stdout } = await airplant(['--version'])
  expect([code, stdout.toString()]).toEqual([0, `${version}\n`])
})

test('help names the commands, and of run every flag with examples', async () => {
  for (const args of [[], ['--help'], ['help']]) {
    const { code, stdout } = await airplant(args)
    expect(code).toBe(0)
    expect(stdout.toString()).toMatch(/Usage: airplant COMMAND\n[^]*doctor/)
  }
  const { stdout } = await airplant(['run', '--help'])
  expect(stdout.toString()).toMatch(/-e, --env NAME[^]*--print-plan[^]*Examples:/)
  expect(stdout.toString()).not.toContain('--detach')
})

test('an unknown command names the closest', async () => {
  expect(await airplant(['docter'])).toMatchObject({
    code: 125,
    stderr: 'airplant: Unknown command "docter"\nHint: Did you mean "doctor"?\n',
  })
  expect((await airplant(['rnu'])).stderr).toContain('Did you mean "run"?')
})

test('the doctor prints a line per check and a verdict', async () => {
  const { code, stdout } = await airplant(['doctor'])
  const lines = stdout.toString().trimEnd().split('\n')
  expect(lines.find((line) => line.includes('Storage driver'))).toMatch(/^[✓!] .*(overlay|copie)/)
  for (const what of ['A container', 'A network', 'A way out']) {
    expect(lines.find((line) => line.includes(what))).toMatch(/^✓ .*ended with 0/)
  }
  expect(lines.at(-1)).toMatch(/^Containers can start here/)
  expect(code).toBe(0)
})

test('the doctor prints JSON', async () => {
  const { stdout } = await airplant(['doctor', '--json'])
  const results = JSON.parse(stdout.toString()) as { id: string; status: string }[]
  expect(results.map(({ id }) => id)).toContain('overlay')
  expect(results.every(({ status }) => ['ok', 'warn', 'skip'].includes(status))).toBe(true)
})

test('the doctor fails where no keeper can start, and goes on', async () => {
  const { code, stdout } = await airplant(['doctor'], { env: { AIRPLANT_STATE_DIR: '/etc/passwd/nowhere' } })
  expect(code).toBe(1)
  expect(stdout.toString()).toMatch(/✗ A container +Cannot make the state directory [^]*Containers cannot start here/)
})
