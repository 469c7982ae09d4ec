import { isAirplantError } from '../errors.ts'
import type { Command } from './command.ts'
import { eachWord } from './each-word.ts'
import { withStore } from './image-session.ts'
import { refusedPlatform } from './platform-flag.ts'
import { printText } from './print-text.ts'

/** `airplant rmi`. */
export const rmiCommand: Command = {
  name: 'rmi',
  usage: '[FLAGS] IMAGE...',
  about: 'Takes names away from images, and removes those whose last name it was. What other images need stays.',
  flags: [
    {
      name: 'force',
      short: 'f',
      help: 'Also images with several names, and those of running containers; missing ones are no error',
    },
    {
      name: 'no-prune',
      refused: { why: 'an image has no parents here', instead: 'Leave it out: layers that others need stay' },
    },
    refusedPlatform,
  ],
  words: [1, Infinity],
  async run(line) {
    const force = line.isOn('force')
    return await withStore(({ store }) =>
      eachWord(line.words, async (name) => {
        try {
          const { untagged, deleted } = await store.removeImage(name, { force })
          await printText(removalLines(untagged, deleted))
        } catch (error) {
          if (!force || !isAirplantError(error) || error.code !== 'ERR_IMAGE_NOT_FOUND') throw error
          process.stderr.write(`airplant: There is no image "${name}"\n`)
        }
      }),
    )
  },
}

/** Docker's lines about what is gone. */
export function removalLines(untagged: readonly string[], deleted: readonly string[]): string {
  return [...untagged.map((name) => `Untagged: ${name}\n`), ...deleted.map((id) => `Deleted: ${id}\n`)].join('')
}
