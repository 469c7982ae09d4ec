import type { Command } from './command.ts'
import { confirm, forceFlag } from './confirm.ts'
import { humanSize } from './human.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'
import { imagesToPrune, prunedLines, pruneFilterNames, pruneImages } from './prune-images.ts'
import { pruneVolumes, volumeLines, volumesToPrune } from './prune-volumes.ts'
import { longFilterFlag, parseUntil, readFilters } from './read-filters.ts'

/** `airplant prune` and `airplant system prune`. */
export const pruneCommand: Command = {
  name: 'prune',
  usage: '[FLAGS]',
  about: `Removes what no running container needs: images without a tag, layers and blobs of no image, what interrupted pulls left. Containers
leave nothing behind that would have to be removed.`,
  flags: [
    { name: 'all', short: 'a', help: 'Also images with tags' },
    longFilterFlag('until=24h (made before), label=NAME[=VALUE], label!=NAME[=VALUE]'),
    forceFlag,
    { name: 'volumes', help: 'Also volumes, with what is in them' },
  ],
  words: [0, 0],
  async run(line) {
    const [all, volumes] = [line.isOn('all'), line.isOn('volumes')]
    const filters = readFilters(line, pruneFilterNames)
    for (const text of filters.get('until') ?? []) parseUntil(text, Date.now())
    const what = [imagesToPrune(all), ...(volumes ? [volumesToPrune] : [])]
    if (!(await confirm(line, what))) return 0
    const text = await withStore(async ({ store }) => {
      const ofVolumes = volumes ? await pruneVolumes(store, filters) : { names: [], bytes: 0 }
      const ofImages = await pruneImages(store, { all, filters })
      const bytes = ofImages.bytes + ofVolumes.bytes
      return `${volumeLines(ofVolumes)}${prunedLines(ofImages)}Total reclaimed space: ${humanSize(bytes)}\n`
    })
    await printText(text)
    return 0
  },
}
