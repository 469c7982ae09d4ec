import { AirplantError } from '../errors.ts'
import type { WarmLayer } from '../fixtures/warm/warm-store.ts'
import { listWarm } from '../fixtures/warm/warm-store.ts'
import type { Command } from './command.ts'
import { eachWord } from './each-word.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'

/** `airplant warm rm`. */
export const warmRmCommand: Command = {
  name: 'warm rm',
  usage: '[FLAGS] KEY|IMAGE...',
  about: `Removes warm layers, by their key, its beginning, or the image that they were prepared on. The next start prepares again. What a
running container uses stays, unless -f is given.`,
  flags: [{ name: 'force', short: 'f', help: 'Also those of running containers' }],
  words: [1, Infinity],
  examples: ['airplant warm rm 3f2a', 'airplant warm rm postgres:17'],
  async run(line) {
    const force = line.isOn('force')
    return await withStore(async ({ store }) => {
      const layers = await listWarm(store)
      return await eachWord(line.words, async (word) => {
        for (const { name, key } of chosen(layers, word)) {
          await store.removeImage(name, { force })
          await printText(`${key}\n`)
        }
      })
    })
  },
}

function chosen(layers: readonly WarmLayer[], word: string): readonly WarmLayer[] {
  const ofImage = layers.filter(({ image, name }) => image === word || name === word)
  if (ofImage.length > 0) return ofImage
  const [first, second] = layers.filter(({ key }) => key.startsWith(word))
  if (first && !second) return [first]
  throw new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    phase: 'store',
    message: `Cannot find the warm layer "${word}": ${first ? 'several keys begin so' : 'no key begins so, and no image is called so'}`,
    hint: '"airplant warm ls" lists what is there',
    image: word,
  })
}
