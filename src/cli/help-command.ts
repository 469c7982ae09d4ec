import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { closestName } from '../rootless/closest-name.ts'
import { commandsOfGroup, commandAliases, commandTable, findCommand, runCommandNamed } from './command-table.ts'
import { printText } from './print-text.ts'
import { usageError } from './usage-error.ts'

/** `airplant help [command]`. */
export async function helpCommand(words: readonly string[]): Promise<number> {
  const [word = 'help'] = words
  if (word === 'run') return await print((await import('./run-help.ts')).runHelp())
  if (word === 'help' || word.startsWith('-')) return await print(overview())
  const found = findCommand(words)
  if (found) return await runCommandNamed({ name: found.name, args: ['--help'] })
  return await otherWords(words.length > 1 ? words : [word, '--help'])
}

/** `airplant version`. */
export async function versionCommand(): Promise<number> {
  return await print(`${readVersion()}\n`)
}

/**
 * What is no command: the name of a group, alone or with another word.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`, which names the closest
 */
export async function otherWords([word = '', second]: readonly string[]): Promise<number> {
  const inGroup = commandsOfGroup(word)
  if (inGroup.length === 0) throw unknownCommand(word, [...singleNames(), ...groups()])
  if (second !== undefined && !second.startsWith('-')) throw unknownCommand(`${word} ${second}`, inGroup)
  const rows = inGroup.filter(isListed).map((name) => {
    const found = findCommand(name.split(' '))!
    return [name, commandTable[found.name]!.summary] as const
  })
  return await print(`Usage: airplant ${word} COMMAND\n\n${lines(rows)}`)
}

/** An error for a word that is no command. */
function unknownCommand(word: string, names: readonly string[]): Error {
  // Of words this short two letters swapped are too far apart for the one that compares.
  const closest = closestName(word, names) ?? names.find((name) => name[0] === word[0])
  const kind = word.startsWith('-') ? 'flag' : 'command'
  return usageError(`Unknown ${kind} "${word}"`, closest ? `Did you mean "${closest}"?` : 'See "airplant --help"')
}

function overview(): string {
  const rows = singleNames().map((name) => [name, commandTable[name]!.summary] as const)
  const ofGroups = groups().map((group) => [group, second(commandsOfGroup(group)).join(', ')] as const)
  return `Disposable containers without root, without a daemon.

Usage: airplant COMMAND

${lines(rows)}
Groups of commands, as docker has them:

${lines(ofGroups)}
Examples:
  airplant run host -- sh -c 'id; hostname; ps ax'
  airplant run -it debian:13 bash
  airplant pull postgres:17
  airplant doctor

"airplant COMMAND --help" says more of one. AIRPLANT_DEBUG=1 shows the stack of an error. AIRPLANT_HOME is where images are kept,
AIRPLANT_STATE_DIR where sessions are.
`
}

function singleNames(): string[] {
  return Object.keys(commandTable).filter((name) => !name.includes(' '))
}

function groups(): string[] {
  const names = [...Object.keys(commandTable), ...Object.keys(commandAliases)].filter((name) => name.includes(' '))
  return [...new Set(names.map((name) => name.split(' ')[0]!))].sort()
}

function second(names: readonly string[]): string[] {
  return names.filter(isListed).map((name) => name.split(' ')[1]!)
}

/** Of commands with two names only the one that most write. */
function isListed(name: string): boolean {
  return !/ (list|remove)$/.test(name)
}

function lines(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join('')
}

async function print(text: string): Promise<number> {
  await printText(text)
  return 0
}

// The same file runs from src/ under vitest and from dist/src/ when built.
function readVersion(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }
  return version
}
