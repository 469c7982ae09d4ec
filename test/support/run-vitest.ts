import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { RunningVitest } from './running-vitest.ts'
import { followVitest } from './running-vitest.ts'

const checkout = join(import.meta.dirname, '..', '..')

/** How a project is run. */
export interface VitestRunOptions {
  /** @default 'forks' */
  readonly pool?: 'forks' | 'threads' | 'vmThreads'
  /** More arguments of the command line. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What is executed with vitest's own command as its arguments. @default nothing */
  readonly before?: readonly string[]
}

/** One test as the JSON reporter has it. */
export interface TestReport {
  readonly name: string
  readonly status: 'passed' | 'failed' | 'skipped' | 'pending' | 'todo'
  readonly failures: readonly string[]
}

/** What a run gave. */
export interface VitestRun {
  readonly exitCode: number | null
  /** Of the command itself, without colours. */
  readonly output: string
  readonly tests: readonly TestReport[]
  /** Failure of a file as a whole: its hooks, its collection. */
  readonly fileMessages: readonly string[]
  /** What the tests wrote by `note()` of `./note.ts`, in order. */
  readonly notes: readonly Record<string, unknown>[]
}

/** A vitest project in a directory of its own, with this checkout installed as `airplant`. */
export interface VitestProject extends Disposable {
  readonly directory: string
  run(options?: VitestRunOptions): Promise<VitestRun>
  /** Starts `vitest` with these arguments and goes on. Dispose it before the project. */
  start(args: readonly string[], options?: StartOptions): RunningVitest
  /** What its tests have written by `note()` so far. */
  notes(): Record<string, unknown>[]
}

/** A vitest, and the Node that runs it. */
export interface VitestRunner {
  readonly node: string
  /** The directory node_modules that it is in. */
  readonly modules: string
}

const ownRunner: VitestRunner = { node: process.execPath, modules: join(checkout, 'node_modules') }

/** How a project is started. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What is executed with vitest's own command as its arguments. @default nothing */
  readonly before?: readonly string[]
}

const noteModule = `
import { appendFileSync } from 'node:fs'
export function note(entry) {
  appendFileSync(process.env.NOTES, JSON.stringify({ time: Date.now(), ...entry }) + '\\n')
}
`

/**
 * Writes a project.
 *
 * @param files path and text of each file @param runner @default this checkout's
 * @example
 * using project = vitestProject({ 'a.test.ts': `test('works', () => {})` })
 * const { tests } = await project.run({ pool: 'threads' })
 */
export function vitestProject(
  files: Readonly<Record<string, string>>,
  runner: VitestRunner = ownRunner,
): VitestProject {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-vitest-'))
  install(join(directory, 'node_modules'), runner)
  const all = { 'package.json': '{ "type": "module" }', 'note.js': noteModule, ...files }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return {
    directory,
    run: (options) => run({ directory, runner }, options ?? {}),
    start: (args, options) => start({ directory, runner }, args, options ?? {}),
    notes: () => readNotes(join(directory, 'notes.jsonl')),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** A copy and not a link: what vitest finds outside node_modules it treats as the project's own source. */
function install(modules: string, runner: VitestRunner): void {
  const built = join(checkout, 'dist')
  if (!existsSync(join(built, 'plugins', 'vitest'))) throw new Error('Not built: run "npm run build"')
  for (const part of ['src', 'plugins', 'keeper']) {
    cpSync(join(built, part), join(modules, 'airplant', 'dist', part), { recursive: true })
  }
  cpSync(join(checkout, 'package.json'), join(modules, 'airplant', 'package.json'))
  symlinkSync(join(runner.modules, 'vitest'), join(modules, 'vitest'))
  for (const name of ['undici', 'fast-glob', 'fzstd', 'tinypool']) {
    symlinkSync(join(checkout, 'node_modules', name), join(modules, name))
  }
}

/** A project and what runs it. */
interface Place {
  readonly directory: string
  readonly runner: VitestRunner
}

async function run(place: Place, options: VitestRunOptions): Promise<VitestRun> {
  const { directory } = place
  const { pool = 'forks', args = [], ...rest } = options
  const [report, notes] = [join(directory, 'report.json'), join(directory, 'notes.jsonl')]
  for (const old of [report, notes]) rmSync(old, { force: true })
  const reporters = ['--reporter', 'default', '--reporter', 'json', `--outputFile.json=${report}`]
  const running = start(place, ['run', '--pool', pool, ...reporters, ...args], rest)
  const exitCode = await running.ended
  return { exitCode, output: running.output(), ...readReport(report), notes: readNotes(notes) }
}

function start({ directory, runner }: Place, args: readonly string[], options: StartOptions): RunningVitest {
  const { env = {}, before = [] } = options
  const program = join(runner.modules, 'vitest', 'vitest.mjs')
  const [file = '', ...rest] = before.concat(runner.node, program, args, '--root', directory)
  const notes = join(directory, 'notes.jsonl')
  const child = spawn(file, rest, {
    cwd: directory,
    env: { ...withoutVitest(process.env), NO_COLOR: '1', NOTES: notes, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return followVitest(child)
}

/** The variables that vitest gives its workers would make the inner one think that it is one. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(VITEST|VITE|TEST|NODE_ENV|DEV|PROD|SSR|MODE|BASE_URL)/.test(name)),
  )
}

interface JsonReport {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: TestReport['status']
      readonly failureMessages: readonly string[] | null
    }[]
  }[]
}

function readReport(path: string): Pick<VitestRun, 'tests' | 'fileMessages'> {
  if (!existsSync(path)) return { tests: [], fileMessages: [] }
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as JsonReport
  const tests = testResults.flatMap((file) =>
    file.assertionResults.map(({ fullName, status, failureMessages }) => ({
      name: fullName,
      status,
      failures: failureMessages ?? [],
    })),
  )
  return { tests, fileMessages: testResults.map(({ message }) => message).filter((message) => message !== '') }
}

function readNotes(path: string): Record<string, unknown>[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
