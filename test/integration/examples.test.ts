import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkLeftovers } from '../support/containers.ts'
import { installPackage, withoutVitest } from '../support/run-jest.ts'
import { temporaryHome } from '../support/temporary-home.ts'
import { testRegistry } from '../support/test-images.ts'

const checkout = join(import.meta.dirname, '..', '..')

checkLeftovers()
// Images are pulled once for all of them, and what they keep is removed.
temporaryHome()
testRegistry()

/** The file behind each command of a package's scripts. */
const programs: Readonly<Record<string, string>> = {
  jest: 'jest/bin/jest.js',
  playwright: '@playwright/test/cli.js',
  vitest: 'vitest/vitest.mjs',
}

interface ExamplePackage {
  readonly scripts: { readonly test: string }
  readonly devDependencies: Readonly<Record<string, string>>
}

/** Runs an example as a stranger does: in a directory of its own, with what it depends on installed there. */
async function runExample(name: string): Promise<{ exitCode: number | null; output: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-example-'))
  try {
    cpSync(join(checkout, 'examples', name), directory, { recursive: true })
    const { scripts, devDependencies } = readPackage(name)
    const others = Object.keys(devDependencies).filter((each) => each !== 'airplant')
    const isJest = others.includes('jest')
    installPackage(join(directory, 'node_modules'), [...others, ...(isJest ? ['jest-environment-node'] : [])])
    const [program = '', ...args] = scripts.test.split(' ')
    const file = programs[program]
    const command = file === undefined ? args : [join(directory, 'node_modules', file), ...args]
    return await runNode(directory, command)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function runNode(cwd: string, args: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const env = { ...withoutVitest(process.env), NO_COLOR: '1' }
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, output }
}

function readPackage(name: string): ExamplePackage {
  return JSON.parse(readFileSync(join(checkout, 'examples', name, 'package.json'), 'utf8')) as ExamplePackage
}

function missing(name: string): string[] {
  const needed = Object.keys(readPackage(name).devDependencies).filter((each) => each !== 'airplant')
  return needed.filter((each) => !existsSync(join(checkout, 'node_modules', each)))
}

test.for([
  ['vitest-postgres', 'Tests  3 passed'],
  ['jest-redis', 'Tests:       3 passed'],
  ['node-test', '# pass 3'],
  ['migrations', 'Tests  3 passed'],
  ['two-services', 'Tests  2 passed'],
  ['playwright', '2 passed'],
] as const)('the example %s runs in its own runner', { timeout: 120_000 }, async ([name, passed], { skip }) => {
  const absent = missing(name)
  if (absent.length > 0) skip(`not installed: ${absent.join(', ')}`)
  const { exitCode, output } = await runExample(name)
  expect(output).toContain(passed)
  expect(exitCode, output).toBe(0)
})
