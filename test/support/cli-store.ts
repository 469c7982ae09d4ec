import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach } from 'vitest'
import { airplant, noCli, startAirplant, type CliOptions, type RunningCli } from './cli.ts'
import { watchLeftovers } from './leftovers.ts'
import { tinyRoot } from './rootfs.ts'

/** How a command ended, with its output as text. */
export interface TextResult {
  readonly code: number | null
  readonly out: string
  readonly stderr: string
}

/** A store of its own for a test file, and the built command that uses it. */
export interface CliStore {
  /** For files of the test. */
  readonly directory: string
  /** What the command has to know. */
  readonly env: Readonly<Record<string, string>>
  run(args: readonly string[], options?: CliOptions): Promise<TextResult>
  /** The output of a command that has to succeed, without the last line end. */
  output(...args: readonly string[]): Promise<string>
  start(args: readonly string[]): RunningCli
  /** Imports a small image with a shell in it; gives its ID. */
  importImage(name: string, ...flags: readonly string[]): Promise<string>
}

/** Makes such a store; called at the top of a file. At the end it is removed, and looked for what is left. */
export function cliStore(): CliStore {
  const left = watchLeftovers()
  const directory = mkdtempSync(join(tmpdir(), 'airplant-cli-store-'))
  // Real root's keeper is another user.
  chmodSync(directory, 0o755)
  const home = join(directory, 'store')
  const env = { AIRPLANT_HOME: home, DOCKER_CONFIG: join(directory, 'docker'), AIRPLANT_REGISTRY_MIRROR: '' }
  const run: CliStore['run'] = async (args, options = {}) => {
    const { code, stdout, stderr } = await airplant(args, { ...options, env: { ...env, ...options.env } })
    return { code, out: stdout.toString(), stderr }
  }
  beforeEach(({ skip }) => skip(noCli !== undefined, noCli))
  afterAll(async () => {
    if (!noCli) await run(['prune', '--all', '--volumes', '--force'])
    rmSync(directory, { recursive: true })
    await left.assertNone()
  })
  return {
    directory,
    env,
    run,
    async output(...args) {
      const { code, out, stderr } = await run(args)
      if (code !== 0) throw new Error(`airplant ${args.join(' ')} ended with ${code}: ${stderr}`)
      return out.trimEnd()
    },
    start: (args) => startAirplant(args, { env }),
    async importImage(name, ...flags) {
      const { code, out, stderr } = await run(['import', ...flags, '-', name], { input: tinyArchive() })
      if (code !== 0) throw new Error(stderr)
      return out.trim()
    },
  }
}

/** A small root file system with a shell, as a tar archive. */
export function tinyArchive(): Buffer {
  using root = tinyRoot()
  return execFileSync('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', root.path, '-c', '.'], {
    maxBuffer: 64 * 1024 ** 2,
  })
}
