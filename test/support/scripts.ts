import { execFile, type ExecFileException } from 'node:child_process'
import { existsSync } from 'node:fs'

const built = new URL('../../dist/src/index.js', import.meta.url)

/** What a script wrote and how it ended. */
export interface ScriptResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Why scripts cannot run here, if they cannot: plain Node 20 runs only what was built. */
export const cannotRunScripts = existsSync(built) ? undefined : 'dist is missing: npm run build'

/**
 * Runs a script in a Node process of its own, which `prefix` starts; it has airplant's exports as `airplant`.
 *
 * @example
 * await runScript(`console.log(Object.keys(airplant))`)
 */
export async function runScript(
  body: string,
  options: { prefix?: readonly string[]; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): Promise<ScriptResult> {
  const { prefix = [], env = {}, timeout = 20_000 } = options
  const script = `const airplant = await import(${JSON.stringify(built.href)});\n${body}`
  const words = [...prefix, process.execPath, '--input-type=module', '-e', script]
  return await new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string): void => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr })
    }
    execFile(
      words[0] ?? process.execPath,
      words.slice(1),
      { env: { ...process.env, ...env }, timeout, killSignal: 'SIGKILL' },
      done,
    )
  })
}
