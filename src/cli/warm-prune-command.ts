import { listWarm } from '../fixtures/warm/warm-store.ts'
import { isAirplantError } from '../errors.ts'
import type { Command } from './command.ts'
import { humanSize } from './human.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'
import { parseUntil } from './read-filters.ts'

/** `airplant warm prune`. */
export const warmPruneCommand: Command = {
  name: 'warm prune',
  usage: '[FLAGS]',
  about: `Removes warm layers that no start used for a while: those of migrations that were changed since, of images that were replaced. What is
needed again is prepared again.`,
  flags: [
    { name: 'unused-for', value: 'TIME', help: 'How long, as 24h or 30m; 168h if not given' },
    { name: 'all', short: 'a', help: 'However lately they were used' },
  ],
  words: [0, 0],
  async run(line) {
    const now = Date.now()
    const until = line.isOn('all') ? now + 1 : parseUntil(line.value('unused-for') ?? '168h', now).getTime()
    const text = await withStore(async ({ store }) => {
      let [lines, bytes] = ['', 0]
      for (const layer of await listWarm(store)) {
        if (layer.used.getTime() >= until) continue
        try {
          await store.removeImage(layer.name)
          lines += `Deleted: ${layer.name}\n`
          bytes += layer.bytes
        } catch (error) {
          // A container that runs needs it.
          if (!isAirplantError(error) || error.code !== 'ERR_IN_USE') throw error
        }
      }
      return `${lines}Total reclaimed space: ${humanSize(bytes)}\n`
    })
    await printText(text)
    return 0
  },
}
