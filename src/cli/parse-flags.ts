import { closestName } from '../rootless/closest-name.ts'
import { usageError } from './usage-error.ts'

/** A flag of a command. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string
  /** One letter. */
  readonly short?: string
  /** Other names of the same. */
  readonly aliases?: readonly string[]
  /** How its value is called in the help; without it the flag is a switch. */
  readonly value?: string
  /** What stands for a value that was left out: the flag takes one only after `=`. */
  readonly missing?: string
  /** Undefined: not in the help. */
  readonly help?: string
  /** Why it is refused, and what to do in its place. */
  readonly refused?: { readonly why: string; readonly instead: string }
}

/** A flag as it was given. */
export interface GivenFlag {
  readonly name: string
  /** Text of a flag with a value, else whether the switch is on. */
  readonly value: string | boolean
}

/** What stands before the first word that is no flag, and the words from there on. */
export interface ParsedFlags {
  readonly flags: readonly GivenFlag[]
  readonly rest: readonly string[]
}

/**
 * Reads flags in the ways that docker takes them: `--name value`, `--name=value`, `-n value`, `-nvalue`, switches together as `-it`, and
 * `--init=false`. They end at the first other word, or at `--`.
 *
 * @param command whose help names them all
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 * @example
 * parseFlags(['-it', 'host'], runFlags) // { flags: [{ name: 'interactive', value: true }, ...], rest: ['host'] }
 */
export function parseFlags(args: readonly string[], table: readonly Flag[], command = 'run'): ParsedFlags {
  const flags: GivenFlag[] = []
  const words = [...args]
  for (let word = words[0]; word !== undefined && word.startsWith('-') && word !== '-'; word = words[0]) {
    words.shift()
    if (word === '--') break
    if (word.startsWith('--')) flags.push(readLong(word, words, table, command))
    else flags.push(...readShort(word, words, table, command))
  }
  return { flags, rest: words }
}

function readLong(word: string, words: string[], table: readonly Flag[], command: string): GivenFlag {
  const equals = word.indexOf('=')
  const name = word.slice(2, equals < 0 ? undefined : equals)
  const flag = table.find((each) => each.name === name || each.aliases?.includes(name))
  if (!flag) throw unknown(`--${name}`, table, command)
  return give(flag, `--${name}`, equals < 0 ? undefined : word.slice(equals + 1), words)
}

function readShort(word: string, words: string[], table: readonly Flag[], command: string): GivenFlag[] {
  const given: GivenFlag[] = []
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at)
    const flag = table.find(({ short }) => short === letter)
    if (!flag) throw unknown(`-${letter}`, table, command)
    const attached = word.slice(at + 1)
    const takesRest = flag.value !== undefined || attached.startsWith('=')
    given.push(give(flag, `-${letter}`, takesRest && attached ? attached.replace(/^=/, '') : undefined, words))
    if (takesRest) break
  }
  return given
}

function give(flag: Flag, written: string, attached: string | undefined, words: string[]): GivenFlag {
  const { name, value, missing, refused } = flag
  if (refused) throw usageError(`Cannot use ${written}: ${refused.why}`, refused.instead)
  if (value === undefined) return { name, value: readSwitch(written, attached) }
  const text = attached ?? missing ?? words.shift()
  if (text === undefined) throw usageError(`Cannot use ${written} without a value`, `Write ${written} ${value}`)
  return { name, value: text }
}

function readSwitch(written: string, text: string | undefined): boolean {
  if (text === undefined || /^(true|t|1)$/i.test(text)) return true
  if (/^(false|f|0)$/i.test(text)) return false
  throw usageError(`Cannot use "${text}" as value of ${written}`, 'Write "true" or "false", or nothing for true')
}

function unknown(written: string, table: readonly Flag[], command: string): Error {
  const closest = closestName(
    written,
    table.filter(({ help }) => help !== undefined).map(({ name }) => `--${name}`),
  )
  return usageError(
    `Unknown flag ${written}`,
    closest ? `Did you mean ${closest}?` : `See "airplant ${command} --help"`,
  )
}
