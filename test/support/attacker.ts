import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { FileOption } from '../../src/containers/options.ts'
import type { Container, FixtureOptions } from '../../src/index.ts'
import { isAirplantError } from '../../src/index.ts'
import { runToEnd, type Outcome } from './containers.ts'
import type { TinyRoot } from './rootfs.ts'

/** Where a container has the program of `test/support/attacks`. */
export const ATTACK = '/tmp/attack'

/** The program that attacks from inside, compiled for one test file. */
export interface Attacker {
  /** Path on the host. */
  readonly program: string
  /** Option that places it in a container. */
  readonly files: readonly FileOption[]
  /** Puts it into a root, for containers that are only attacked from there. */
  addTo(root: TinyRoot): void
}

/** Compiles the attacks, statically: they run in any root. Call it at the top of a file. */
export function compileAttacker(): Attacker {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-attack-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  const sources = join(import.meta.dirname, 'attacks')
  const names = readdirSync(sources).filter((name) => name.endsWith('.c'))
  const program = join(directory, 'attack')
  execFileSync('cc', ['-O1', '-static', '-o', program, ...names.map((name) => join(sources, name))], { stdio: 'pipe' })
  return {
    program,
    files: [{ target: ATTACK, source: program, mode: 0o755 }],
    addTo: (root) => root.write(ATTACK, readFileSync(program), 0o755),
  }
}

/** What an attack printed, its lines. */
export async function attack(container: Container, args: readonly string[], user?: string): Promise<string[]> {
  const { output } = await container.exec([ATTACK, ...args], user === undefined ? {} : { user })
  return output.trimEnd().split('\n')
}

/** Lines "name verdict" as an object. */
export function verdicts(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  )
}

/** Keeps an attack going inside a container while something is done outside, then gives the last line that it printed. */
export async function during(container: Container, args: readonly string[], act: () => Promise<void>): Promise<string> {
  await using process = await container.execStream([ATTACK, ...args])
  const lines: string[] = []
  const started = new Promise<void>((resolve) => {
    process.stdout.on('data', (chunk: Buffer) => {
      lines.push(...chunk.toString().split('\n').filter(Boolean))
      resolve()
    })
  })
  await started
  await act()
  process.stdin.end()
  await process.exited
  return lines.at(-1) ?? ''
}

/** Runs a container to its end; where it is refused, the error's code. */
export async function attempt(options: FixtureOptions): Promise<Outcome | string> {
  try {
    return await runToEnd(options)
  } catch (error) {
    if (isAirplantError(error)) return error.code
    throw error
  }
}
