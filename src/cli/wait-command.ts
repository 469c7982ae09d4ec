import type { Command } from './command.ts'
import { eachContainer } from './each-container.ts'
import { programExitCode } from './exit-codes.ts'

/** `airplant wait`. */
export const waitCommand: Command = {
  name: 'wait',
  usage: 'CONTAINER...',
  about: 'Waits until containers have ended, and prints their exit codes.',
  flags: [],
  words: [1, Infinity],
  async run(line) {
    return await eachContainer(line.words, (container) =>
      container.wait().then((exit) => String(programExitCode(exit))),
    )
  },
}
