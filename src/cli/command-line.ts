import type { Command } from './command.ts'
import type { Flag, GivenFlag } from './parse-flags.ts'
import { parseFlags } from './parse-flags.ts'
import { usageError } from './usage-error.ts'

/** A command line that fits its {@link Command}. */
export interface CommandLine {
  readonly words: readonly string[]
  /** Whether a switch is on. */
  readonly isOn: (name: string) => boolean
  /** Value of a flag, the last one given. */
  readonly value: (name: string) => string | undefined
  /** All values of a flag that may be repeated. */
  readonly values: (name: string) => readonly string[]
}

const help: Flag = { name: 'help', short: 'h', help: 'Print this' }

/**
 * Reads a command line whose flags may stand anywhere, as docker's do but for `run` and `exec`. Undefined when help was asked for.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function readCommandLine(args: readonly string[], command: Command): CommandLine | undefined {
  const { name, usage } = command
  const table = [...command.flags, help]
  const { flags, words } = command.flagsFirst ? readFirst(args, table, name) : readAnywhere(args, table, name)
  if (flags.some((flag) => flag.name === 'help' && flag.value === true)) return undefined
  const [fewest, most] = command.words
  if (words.length < fewest || words.length > most) {
    const problem = words.length < fewest ? 'too few arguments' : `unexpected argument "${words[most]}"`
    throw usageError(`Cannot run "${name}": ${problem}`, `Write airplant ${name} ${usage}`.trimEnd())
  }
  const given = (wanted: string): readonly GivenFlag[] => flags.filter((flag) => flag.name === wanted)
  const values = (wanted: string): string[] => given(wanted).map(({ value }) => String(value))
  return {
    words,
    isOn: (wanted) => given(wanted).at(-1)?.value === true,
    value: (wanted) => values(wanted).at(-1),
    values,
  }
}

/** A `--` may stand before the first word, or behind it. */
function readFirst(
  args: readonly string[],
  table: readonly Flag[],
  name: string,
): { flags: readonly GivenFlag[]; words: readonly string[] } {
  const { flags, rest } = parseFlags(args, table, name)
  const [first, second, ...others] = rest
  return { flags, words: first !== undefined && second === '--' ? [first, ...others] : rest }
}

function readAnywhere(
  args: readonly string[],
  table: readonly Flag[],
  name: string,
): { flags: GivenFlag[]; words: string[] } {
  const [flags, words]: [GivenFlag[], string[]] = [[], []]
  let left = args
  while (left.length > 0) {
    const parsed = parseFlags(left, table, name)
    flags.push(...parsed.flags)
    const isEnded = left[left.length - parsed.rest.length - 1] === '--'
    if (isEnded) return { flags, words: [...words, ...parsed.rest] }
    words.push(...parsed.rest.slice(0, 1))
    left = parsed.rest.slice(1)
  }
  return { flags, words }
}
