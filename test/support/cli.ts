import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The built command; plain Node runs only what was built. */
export const airplantMain = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** Why the command cannot be tested; undefined when it can. */
export const noCli = existsSync(airplantMain) ? undefined : 'dist is missing: npm run build'

/** How a command ended and what it wrote. */
export interface CliResult {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** How the command is run. */
export interface CliOptions {
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A command that runs. */
export interface RunningCli {
  readonly child: ChildProcess
  readonly ended: Promise<CliResult>
  /** Resolves with everything that it wrote so far, when that has the text. */
  shows(text: string): Promise<string>
}

/** Runs `airplant` to its end. */
export function airplant(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startAirplant(args, options).ended
}

/** Starts `airplant`. Without input it has an empty one. */
export function startAirplant(args: readonly string[], options: CliOptions = {}): RunningCli {
  const child = spawn(process.execPath, [airplantMain, ...args], {
    stdio: 'pipe',
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  const watchers = new Set<() => void>()
  for (const [stream, chunks] of [
    [child.stdout, stdout],
    [child.stderr, stderr],
  ] as const) {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      for (const watch of watchers) watch()
    })
  }
  // A program need not read its input.
  child.stdin.on('error', () => undefined)
  if (options.input !== undefined) child.stdin.end(options.input)
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout: Buffer.concat(stdout),
    stderr: Buffer.concat(stderr).toString(),
  }))
  const text = (): string => Buffer.concat([...stdout, ...stderr]).toString()
  const shows = (wanted: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (text().includes(wanted)) resolve(text())
      }
      watchers.add(watch)
      watch()
      void ended.then(() => reject(new Error(`It ended without "${wanted}": ${text()}`)))
    })
  return { child, ended, shows }
}
