import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { airplantMain, noCli } from './cli.ts'

const script = fileURLToPath(new URL('pty.py', import.meta.url))
const hasPython = spawnSync('python3', ['-c', 'import os; os.waitstatus_to_exitcode']).status === 0

/** Why the command cannot be tested on a terminal; undefined when it can. */
export const noTerminal = noCli ?? (hasPython ? undefined : 'python3 (3.9 or later) is missing: it makes the terminal')

/** What is done on a terminal, one after the other. */
export type TerminalStep = { expect: string } | { send: string } | { resize: [number, number] } | { signal: number }

/** Runs the command on a terminal of 30 rows and 100 columns; what that shows, and then how the command ended. */
export async function onTerminal(
  args: readonly string[],
  steps: readonly TerminalStep[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const child = spawn('python3', [script, JSON.stringify(steps), process.execPath, airplantMain, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return (await text(child.stdout)).replaceAll('\r\n', '\n')
}
