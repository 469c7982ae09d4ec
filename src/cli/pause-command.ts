import type { Command } from './command.ts'
import { eachContainer } from './each-container.ts'

/** `airplant pause`. */
export const pauseCommand: Command = {
  name: 'pause',
  usage: 'CONTAINER...',
  about: 'Stops every process of running containers where it is, until "airplant unpause".',
  flags: [],
  words: [1, Infinity],
  async run(line) {
    return await eachContainer(line.words, (container) => container.pause())
  },
}
