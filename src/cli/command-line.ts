import { helpCommand } from './help-command.ts'
import type { Flag, GivenFlag } from './parse-flags.ts'
import { parseFlags } from './parse-flags.ts'
import { usageError } from './usage-error.ts'

/** How a command is called. */
export interface CommandShape {
  readonly name: string
  /** What follows the name, as in the help: `'IMAGE [NEW_NAME]'`. */
  readonly usage: string
  readonly flags: readonly Flag[]
  /** Fewest and most words besides flags. */
  readonly words: readonly [number, number]
}

/** A command line that fits its {@link CommandShape}. */
export interface CommandLine {
  readonly words: readonly string[]
  /** Whether a switch is on. */
  readonly isOn: (name: string) => boolean
  /** Value of a flag, the last one given. */
  readonly value: (name: string) => string | undefined
  /** All values of a flag that may be repeated. */
  readonly values: (name: string) => readonly string[]
}

/**
 * Reads a command line whose flags may stand anywhere, as docker's do but for `run` and `exec`. Undefined when help was asked for, and
 * given.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export async function readCommandLine(args: readonly string[], shape: CommandShape): Promise<CommandLine | undefined> {
  const table = [...shape.flags, { name: 'help', help: 'Print this' }]
  const { flags, words } = readAnywhere(args, table)
  if (flags.some(({ name, value }) => name === 'help' && value === true)) {
    await helpCommand([shape.name])
    return undefined
  }
  const [fewest, most] = shape.words
  if (words.length < fewest || words.length > most) {
    const problem = words.length < fewest ? 'too few arguments' : `unexpected argument "${words[most]}"`
    throw usageError(`Cannot run "${shape.name}": ${problem}`, `Write airplant ${shape.name} ${shape.usage}`.trimEnd())
  }
  const given = (name: string): GivenFlag[] => flags.filter((flag) => flag.name === name)
  const values = (name: string): string[] => given(name).map(({ value }) => String(value))
  return { words, isOn: (name) => given(name).at(-1)?.value === true, value: (name) => values(name).at(-1), values }
}

function readAnywhere(args: readonly string[], table: readonly Flag[]): { flags: GivenFlag[]; words: string[] } {
  const [flags, words]: [GivenFlag[], string[]] = [[], []]
  let left = args
  while (left.length > 0) {
    const parsed = parseFlags(left, table)
    flags.push(...parsed.flags)
    const isEnded = left[left.length - parsed.rest.length - 1] === '--'
    if (isEnded) return { flags, words: [...words, ...parsed.rest] }
    words.push(...parsed.rest.slice(0, 1))
    left = parsed.rest.slice(1)
  }
  return { flags, words }
}
