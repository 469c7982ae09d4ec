#!/usr/bin/env node
import { reportError } from './report-error.ts'

// Each command is imported when it was asked for: a container should not wait for code that it does not need.
const commands: Record<string, () => Promise<(args: readonly string[]) => Promise<number>>> = {
  run: async () => (await import('./run-command.ts')).runCommand,
  doctor: async () => (await import('./doctor-command.ts')).doctorCommand,
  help: async () => (await import('./help-command.ts')).helpCommand,
  version: async () => (await import('./help-command.ts')).versionCommand,
}

const aliases: Record<string, string> = { '--help': 'help', '-h': 'help', '--version': 'version', '-v': 'version' }

async function main([word = 'help', ...args]: readonly string[]): Promise<number> {
  const name = aliases[word] ?? word
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load) return await (await load())(args)
  const { unknownCommand } = await import('./help-command.ts')
  throw unknownCommand(word, Object.keys(commands))
}

// Not process.exitCode: an open terminal or pipe would keep Node waiting for input that nobody needs.
main(process.argv.slice(2)).then((code) => process.exit(code), reportError)
