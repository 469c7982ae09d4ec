import type { Command } from './command.ts'
import { withStore } from './image-session.ts'

/** `airplant tag`. */
export const tagCommand: Command = {
  name: 'tag',
  usage: 'IMAGE NEW_NAME[:TAG]',
  about: 'Gives an image one more name. An image that had it loses it.',
  flags: [],
  words: [2, 2],
  examples: ['airplant tag app:latest registry.example.com/team/app:1.2'],
  async run({ words: [image = '', name = ''] }) {
    await withStore(({ store }) => store.name(image, name))
    return 0
  },
}
