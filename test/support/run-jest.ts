import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const checkout = join(import.meta.dirname, '..', '..')

/** How a project is run. */
export interface JestRunOptions {
  /** More arguments of the command line. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A command that executes jest's, which is added to it. */
  readonly before?: readonly string[]
}

/** One test as jest's JSON has it. */
export interface JestTestReport {
  readonly name: string
  readonly status: 'passed' | 'failed' | 'pending' | 'skipped' | 'todo'
  readonly failures: readonly string[]
}

/** What a run gave. */
export interface JestRun {
  readonly exitCode: number | null
  /** Of the command itself, without colours. */
  readonly output: string
  readonly tests: readonly JestTestReport[]
  /** Name and status of each test. */
  readonly statuses: Readonly<Record<string, string>>
  /** Failure of a file as a whole. */
  readonly fileMessages: readonly string[]
  /** What the tests wrote by `note()` of `./note.js`, in order. */
  readonly notes: readonly Record<string, unknown>[]
}

/** A jest that runs. */
export interface RunningJest {
  readonly process: ChildProcess
  /** What it wrote so far, on both outputs. */
  output(): string
  /** What its tests have noted so far. */
  notes(): Record<string, unknown>[]
}

/** A jest project in a directory of its own, with this checkout installed as `airplant`. */
export interface JestProject extends Disposable {
  readonly directory: string
  /** Runs it to its end. */
  run(options?: JestRunOptions): Promise<JestRun>
  /** Starts it, for tests that do something to it. */
  start(options?: JestRunOptions): RunningJest
}

const noteModule = `
const { appendFileSync } = require('node:fs')
exports.note = (entry) => appendFileSync(process.env.NOTES, JSON.stringify(entry) + '\\n')
`

/**
 * Writes a project; nothing in it is transformed.
 *
 * @param files path and text of each file
 * @param config more of jest's configuration
 * @example
 * using project = jestProject({ 'a.test.js': `test('works', () => {})` })
 * const { statuses } = await project.run({ args: ['--runInBand'] })
 */
export function jestProject(files: Readonly<Record<string, string>>, config: object = {}): JestProject {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-jest-'))
  installPackage(join(directory, 'node_modules'), ['jest', 'jest-environment-node'])
  const jest = { preset: 'airplant/jest', transform: {}, cacheDirectory: join(directory, '.cache'), ...config }
  const all = {
    'package.json': '{}',
    'jest.config.json': JSON.stringify(jest),
    'note.js': noteModule,
    ...files,
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return {
    directory,
    run: (options = {}) => run(directory, options),
    start: (options = {}) => start(directory, options),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** Installs what was built here into a `node_modules`, with its dependencies and others from this checkout's. */
export function installPackage(modules: string, others: readonly string[]): void {
  const built = join(checkout, 'dist')
  if (!existsSync(join(built, 'plugins', 'jest'))) throw new Error('Not built: run "npm run build"')
  for (const part of ['src', 'plugins', 'keeper']) {
    cpSync(join(built, part), join(modules, 'airplant', 'dist', part), { recursive: true })
  }
  cpSync(join(checkout, 'package.json'), join(modules, 'airplant', 'package.json'))
  for (const name of [...others, 'dns-packet', 'undici', 'fast-glob', 'fzstd', 'tinypool']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(checkout, 'node_modules', name), join(modules, name))
  }
}

/** The environment without what vitest gives its workers: the inner runner would think that it is one. */
export function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(VITEST|VITE|TEST|NODE_ENV|DEV|PROD|SSR|MODE|BASE_URL)/.test(name)),
  )
}

/** Several may run at the same time, each with files of its own. */
function start(directory: string, options: JestRunOptions, name = randomUUID()): RunningJest {
  const { args = [], env = {}, before = [] } = options
  const jest = join(checkout, 'node_modules', 'jest', 'bin', 'jest.js')
  const [program = '', ...rest] = [...before, process.execPath, jest, '--watchman=false', ...args]
  const notes = join(directory, `${name}.jsonl`)
  const child = spawn(program, rest, {
    cwd: directory,
    env: { ...withoutVitest(process.env), NO_COLOR: '1', NOTES: notes, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return { process: child, output: () => output, notes: () => readNotes(notes) }
}

async function run(directory: string, options: JestRunOptions): Promise<JestRun> {
  const name = randomUUID()
  const report = join(directory, `${name}.json`)
  const args = ['--json', `--outputFile=${report}`, ...(options.args ?? [])]
  const running = start(directory, { ...options, args }, name)
  const [exitCode] = (await once(running.process, 'close')) as [number | null]
  return { exitCode, output: running.output(), ...readReport(report), notes: running.notes() }
}

interface JsonReport {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: JestTestReport['status']
      readonly failureMessages: readonly string[] | null
    }[]
  }[]
}

function readReport(path: string): Pick<JestRun, 'tests' | 'fileMessages' | 'statuses'> {
  if (!existsSync(path)) return { tests: [], statuses: {}, fileMessages: [] }
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as JsonReport
  const tests = testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ fullName, status, failureMessages }) => ({
      name: fullName,
      status,
      failures: failureMessages ?? [],
    })),
  )
  return {
    tests,
    statuses: Object.fromEntries(tests.map(({ name, status }) => [name, status])),
    fileMessages: testResults.map(({ message }) => message).filter((message) => message !== ''),
  }
}

function readNotes(path: string): Record<string, unknown>[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>)
}
