// Other programs, with their words kept for the message of a failure.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

/** What the command says; throws with its errors. */
export function output(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20 })
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr.trim()}`)
  return stdout
}

/** Runs it to its end with everything it says appended to the file `log`. */
export async function run(command, args, { log, input, env }) {
  const descriptor = openSync(log, 'a')
  try {
    const child = spawn(command, args, { stdio: ['pipe', descriptor, descriptor], env: env ?? process.env })
    // A command that ends without reading its input is judged by its exit code.
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
    const code = await ended(child)
    if (code !== 0) throw new Error(`${command} ended with ${code}. Its last words:\n${lastLines(log)}`)
  } finally {
    closeSync(descriptor)
  }
}

/** The exit code or the signal of a child. */
export function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
}

function lastLines(log) {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-25).join('\n')
}
