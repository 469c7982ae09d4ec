import type { AttachedContainer } from '../containers/attached-container.ts'
import { openContainer } from './container-session.ts'
import { eachWord } from './each-word.ts'
import { endOnSignals } from './end-on-signals.ts'
import { printText } from './print-text.ts'

/**
 * Does something with each container that is named, and prints the name, or what came of it.
 *
 * @param isFine tells of errors that are none
 * @returns the exit code
 */
export async function eachContainer(
  names: readonly string[],
  run: (container: AttachedContainer) => Promise<string | void>,
  isFine: (error: unknown) => boolean = () => false,
): Promise<number> {
  endOnSignals()
  return await eachWord(names, async (name) => {
    try {
      const { container, [Symbol.asyncDispose]: close } = await openContainer(name)
      const result = await run(container).finally(close)
      await printText(`${result ?? name}\n`)
    } catch (error) {
      if (!isFine(error)) throw error
    }
  })
}
