import type { Command } from './command.ts'
import { confirm, forceFlag } from './confirm.ts'
import { humanSize } from './human.ts'
import { withStore } from './image-session.ts'
import { printText } from './print-text.ts'
import { pruneVolumes, volumeLines, volumesToPrune } from './prune-volumes.ts'
import { longFilterFlag, readFilters } from './read-filters.ts'

/** `airplant volume prune`. */
export const volumePruneCommand: Command = {
  name: 'volume prune',
  usage: '-a [FLAGS]',
  about: `Removes volumes that no running container uses. As docker's it leaves volumes with a name alone unless -a is given; here all have
one, and what an image declares as a volume goes with its container.`,
  flags: [
    { name: 'all', short: 'a', help: 'Volumes with a name' },
    longFilterFlag('label=NAME[=VALUE], label!=NAME[=VALUE]'),
    forceFlag,
  ],
  words: [0, 0],
  async run(line) {
    const filters = readFilters(line, ['label', 'label!', 'all'])
    const all = line.isOn('all') || filters.get('all')?.at(-1) === 'true'
    if (!all) {
      process.stderr.write('airplant: All volumes here have a name; write -a to remove those that are not used\n')
      await printText('Total reclaimed space: 0B\n')
      return 0
    }
    if (!(await confirm(line, [volumesToPrune]))) return 0
    const pruned = await withStore(({ store }) => pruneVolumes(store, filters))
    await printText(`${volumeLines(pruned)}Total reclaimed space: ${humanSize(pruned.bytes)}\n`)
    return 0
  },
}
