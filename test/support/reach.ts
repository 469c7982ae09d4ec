import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'
import type { FileOption } from '../../src/containers/options.ts'
import type { Container, FixtureOptions } from '../../src/index.ts'
import { withContainer } from '../../src/index.ts'
import { inNetworkOf } from './in-network-of.ts'

/** Where a container has the program of `test/support/reach`. */
export const REACH = '/tmp/reach'

/** Where its servers listen, by TCP and UDP. */
export const SERVED = 4000

/** The program that tries to reach addresses, and answers who tries, compiled for one test file. */
export interface Reacher {
  /** Path on the host. */
  readonly program: string
  /** Option that places it in a container. */
  readonly files: readonly FileOption[]
  /** A container that answers with a word at port {@link SERVED}. */
  serve(word: string, options?: FixtureOptions): Promise<Container>
}

/** Compiles it. Containers need the host image. Call it at the top of a file. */
export function compileReacher(): Reacher {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-reach-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  const sources = join(import.meta.dirname, 'reach')
  const names = readdirSync(sources).filter((name) => name.endsWith('.c'))
  const program = join(directory, 'reach')
  execFileSync('cc', ['-O1', '-o', program, ...names.map((name) => join(sources, name))], { stdio: 'pipe' })
  const files = [{ target: REACH, source: program, mode: 0o755 }]
  const serve = (word: string, options: FixtureOptions = {}): Promise<Container> =>
    withContainer({
      ...{ image: 'host', files, command: [REACH, 'serve', word, String(SERVED)], wait: { log: 'listening' } },
      ...options,
    })
  return { program, files, serve }
}

/** How attempts from a container ended, by the attempt: a word of who answered, or why nobody did. */
export async function reach(container: Container, attempts: readonly string[]): Promise<Record<string, string>> {
  const { output } = await container.exec([REACH, ...attempts])
  return readOutcomes(output)
}

/** The same with all rights over the container's network. */
export async function reachWithRights(
  { program }: Reacher,
  container: Container,
  attempts: readonly string[],
): Promise<Record<string, string>> {
  return readOutcomes(await inNetworkOf(container, [program, ...attempts]))
}

/** The same from this process. */
export async function reachFromHere(
  { program }: Reacher,
  attempts: readonly string[],
): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)(program, attempts)
  return readOutcomes(stdout)
}

function readOutcomes(output: string): Record<string, string> {
  const lines = output.trimEnd().split('\n').filter(Boolean)
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]))
}
