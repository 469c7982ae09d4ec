import type { CommandLine } from './command-line.ts'
import type { Flag } from './parse-flags.ts'

/** A command: how it is called, what its help says, and what it does. */
export interface Command {
  readonly name: string
  /** What follows the name, as in the help: `'IMAGE [NEW_NAME]'`. */
  readonly usage: string
  /** The help's sentences. */
  readonly about: string
  readonly flags: readonly Flag[]
  /** Flags end at the first word, for those behind it may be another program's. @default false */
  readonly flagsFirst?: boolean
  /** Fewest and most words besides flags. */
  readonly words: readonly [number, number]
  /** Lines of the help's end. */
  readonly examples?: readonly string[]
  /** Resolves with the exit code. */
  readonly run: (line: CommandLine) => Promise<number>
}
