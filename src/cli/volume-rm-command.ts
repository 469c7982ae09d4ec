import { isAirplantError } from '../errors.ts'
import type { Command } from './command.ts'
import { eachWord } from './each-word.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'

/** `airplant volume rm`. */
export const volumeRmCommand: Command = {
  name: 'volume rm',
  usage: '[FLAGS] NAME...',
  about: 'Removes volumes with what is in them, unless a running container uses them.',
  flags: [{ name: 'force', short: 'f', help: 'Missing ones are no error' }],
  words: [1, Infinity],
  async run(line) {
    return await withStore(({ store }) =>
      eachWord(line.words, async (name) => {
        await store.volumes.remove(name).catch((error: unknown) => {
          const isMissing = isAirplantError(error) && error.code === 'ERR_VOLUME_NOT_FOUND'
          if (!isMissing || !line.isOn('force')) throw error
        })
        await printText(`${name}\n`)
      }),
    )
  },
}
