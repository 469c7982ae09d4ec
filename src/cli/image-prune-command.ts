import type { Command } from './command.ts'
import { confirm, forceFlag } from './confirm.ts'
import { humanSize } from './human.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'
import { imagesToPrune, prunedLines, pruneFilterNames, pruneImages } from './prune-images.ts'
import { longFilterFlag, parseUntil, readFilters } from './read-filters.ts'

/** `airplant image prune`. */
export const imagePruneCommand: Command = {
  name: 'image prune',
  usage: '[FLAGS]',
  about: 'Removes images without a tag that no running container uses, and what interrupted pulls left.',
  flags: [
    { name: 'all', short: 'a', help: 'Also those with tags' },
    longFilterFlag('until=24h (made before), label=NAME[=VALUE], label!=NAME[=VALUE]'),
    forceFlag,
  ],
  words: [0, 0],
  async run(line) {
    const all = line.isOn('all')
    const filters = readFilters(line, pruneFilterNames)
    for (const text of filters.get('until') ?? []) parseUntil(text, Date.now())
    if (!(await confirm(line, [imagesToPrune(all)]))) return 0
    const pruned = await withStore(({ store }) => pruneImages(store, { all, filters }))
    await printText(`${prunedLines(pruned)}Total reclaimed space: ${humanSize(pruned.bytes)}\n`)
    return 0
  },
}
