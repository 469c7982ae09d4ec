import { isAirplantError } from '../errors.ts'
import { commandExitCode } from './exit-codes.ts'
import { errorText } from './report-error.ts'

/**
 * Does something for each word of a command line; what fails for one is said, and the others are done all the same.
 *
 * @returns the exit code: that of the first that failed, else 0
 */
export async function eachWord(words: readonly string[], run: (word: string) => Promise<void>): Promise<number> {
  let code = 0
  for (const word of words) {
    try {
      await run(word)
    } catch (error) {
      // A bug of ours, or a store that is damaged, concerns all of them.
      if (!isAirplantError(error) || error.code === 'ERR_STORE' || error.code === 'ERR_KEEPER_GONE') throw error
      process.stderr.write(errorText(error))
      code ||= commandExitCode(error)
    }
  }
  return code
}
