import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program's end. */
export interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs a program to its end, as a test suite would: spawned from Node, output read. */
export function runCommand(command: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  const [program = '', ...args] = command
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let output = ''
    const keep = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => resolve({ code: null, output: error.message }))
    child.once('close', (code) => resolve({ code, output }))
  })
}

/** The same without reading anything: the cheapest that Node can. */
export function spawnOnly(command: readonly string[]): Promise<void> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    spawn(program, args, { stdio: 'ignore' })
      .once('error', reject)
      .once('exit', () => resolve())
  })
}

/** Where a program is, undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const directories = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter)
  return directories
    .filter(Boolean)
    .map((directory) => join(directory, name))
    .find(canExecute)
}

function canExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
