import type { WarmLayer } from '../fixtures/warm/warm-store.ts'
import { listWarm } from '../fixtures/warm/warm-store.ts'
import type { Command } from './command.ts'
import { humanAge, humanDuration, humanSize } from './human.ts'
import { withStore } from './image-session.ts'
import type { Row } from './print-list.ts'
import { formatFlag, printList } from './print-list.ts'
import { printText } from './print-text.ts'

/** `airplant warm ls`. */
export const warmLsCommand: Command = {
  name: 'warm ls',
  usage: '[FLAGS]',
  about: `Lists warm layers, the last used first: what "prepare" functions of tests made on an image, so that it need not be made again. PREPARED
is how long that took.`,
  flags: [formatFlag, { name: 'quiet', short: 'q', help: 'Print only keys' }],
  words: [0, 0],
  examples: ['airplant warm ls', 'airplant warm rm $(airplant warm ls -q)'],
  async run(line) {
    const layers = await withStore(({ store }) => listWarm(store))
    if (line.isOn('quiet')) await printText(layers.map(({ key }) => `${key}\n`).join(''))
    else
      await printList(line, layers.map(rowOf), headings, ['Key', 'Image', 'Took', 'CreatedSince', 'UsedSince', 'Size'])
    return 0
  },
}

const headings: Row = {
  ...{ Key: 'KEY', Name: 'NAME', ID: 'IMAGE ID', Image: 'IMAGE', Took: 'PREPARED IN', CreatedSince: 'CREATED' },
  ...{ CreatedAt: 'CREATED AT', UsedSince: 'USED', UsedAt: 'USED AT', Size: 'SIZE' },
}

function rowOf({ key, name, id, image, created, used, took, bytes }: WarmLayer): Row {
  const now = Date.now()
  const usedAt = used.toISOString()
  return {
    ...{ Key: key, Name: name, ID: id, Image: image, Took: humanDuration(took), CreatedSince: humanAge(created, now) },
    ...{ CreatedAt: created ?? 'N/A', UsedSince: humanAge(usedAt, now), UsedAt: usedAt, Size: humanSize(bytes) },
  }
}
