#!/usr/bin/env node
import { findCommand, runCommandNamed } from './command-table.ts'
import { exitCodeOf } from './exit-codes.ts'
import { reportError } from './report-error.ts'

const words = process.argv.slice(2)
const found = findCommand(words.length === 0 ? ['help'] : words)

async function main(): Promise<number> {
  if (found) return await runCommandNamed(found)
  return await (await import('./help-command.ts')).otherWords(words)
}

// Not process.exitCode: an open terminal or pipe would keep Node waiting for input that nobody needs.
main().then(
  (code) => process.exit(code),
  (error: unknown) => reportError(error, exitCodeOf(found?.name, error)),
)
