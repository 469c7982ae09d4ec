import type { Command } from './command.ts'
import { eachContainer } from './each-container.ts'

/** `airplant kill`. */
export const killCommand: Command = {
  name: 'kill',
  usage: '[FLAGS] CONTAINER...',
  about: 'Sends running containers a signal.',
  flags: [{ name: 'signal', short: 's', value: 'SIGNAL', help: 'Name or number; KILL if not given' }],
  words: [1, Infinity],
  examples: ['airplant kill -s HUP web'],
  async run(line) {
    const signal = line.value('signal') ?? 'SIGKILL'
    return await eachContainer(line.words, (container) => container.signal(signal))
  },
}
