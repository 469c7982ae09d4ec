import type { Command } from './command.ts'
import { eachContainer } from './each-container.ts'
import { usageError } from './usage-error.ts'

/** `airplant stop`. */
export const stopCommand: Command = {
  name: 'stop',
  usage: '[FLAGS] CONTAINER...',
  about: `Sends running containers their stop signal, kills those that do not end in time, and waits until they have ended. What started them decides
whether they are removed then; "airplant run" does.`,
  flags: [
    {
      name: 'time',
      short: 't',
      aliases: ['timeout'],
      value: 'SECONDS',
      help: "Before it is killed; the container's own if not given",
    },
    { name: 'signal', short: 's', value: 'SIGNAL', help: 'In place of its stop signal' },
  ],
  words: [1, Infinity],
  async run(line) {
    const seconds = line.value('time')
    if (seconds !== undefined && !/^\d{1,6}$/.test(seconds)) {
      throw usageError(`Cannot use "${seconds}" as --time`, 'Give whole seconds')
    }
    const signal = line.value('signal')
    const options = {
      ...(seconds !== undefined && { timeout: Number(seconds) * 1000 }),
      ...(signal !== undefined && { signal }),
    }
    return await eachContainer(line.words, async (container) => {
      await container.stop(options)
    })
  },
}
