import { ask, canAsk } from './ask.ts'
import type { CommandLine } from './command-line.ts'
import type { Flag } from './parse-flags.ts'
import { usageError } from './usage-error.ts'

/** `--force` of commands that remove much. */
export const forceFlag: Flag = { name: 'force', short: 'f', help: 'Do not ask' }

/**
 * Whether something that cannot be undone may be done: with `--force`, or after asking.
 *
 * @param what is removed, as "This will remove …"
 * @throws {AirplantError} `ERR_INVALID_OPTION` where nobody can answer
 */
export async function confirm(line: Pick<CommandLine, 'isOn'>, what: readonly string[]): Promise<boolean> {
  if (line.isOn('force')) return true
  if (!canAsk()) throw usageError('Cannot ask whether to remove: nobody can answer here', 'Write --force')
  process.stderr.write(`This will remove:\n${what.map((each) => `  - ${each}\n`).join('')}`)
  const answer = await ask('Are you sure? [y/N] ')
  return /^y(es)?$/i.test(answer.trim())
}
