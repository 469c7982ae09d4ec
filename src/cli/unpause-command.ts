import type { Command } from './command.ts'
import { eachContainer } from './each-container.ts'

/** `airplant unpause`. */
export const unpauseCommand: Command = {
  name: 'unpause',
  usage: 'CONTAINER...',
  about: 'Lets the processes of paused containers go on.',
  flags: [],
  words: [1, Infinity],
  async run(line) {
    return await eachContainer(line.words, (container) => container.resume())
  },
}
