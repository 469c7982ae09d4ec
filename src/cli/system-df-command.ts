import type { DiskUsage, UsageOfKind } from '../images/store/disk-usage.ts'
import type { Command } from './command.ts'
import { humanSize } from './human.ts'
import { withStore } from './image-session.ts'
import type { Row } from './print-list.ts'
import { formatFlag, printList } from './print-list.ts'

/** `airplant system df`. */
export const systemDfCommand: Command = {
  name: 'system df',
  usage: '[FLAGS]',
  about: 'Shows how much space the store takes, and how much of it no running container needs.',
  flags: [
    formatFlag,
    {
      name: 'verbose',
      short: 'v',
      refused: { why: 'images share layers and blobs', instead: 'See "airplant images" for the size of each' },
    },
  ],
  words: [0, 0],
  async run(line) {
    const usage = await withStore(({ store }) => store.diskUsage())
    await printList(line, rowsOf(usage), headings, ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'])
    return 0
  },
}

const headings: Row = {
  ...{ Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' },
}

function rowsOf({ images, volumes, garbage }: DiskUsage): Row[] {
  const left = { ...garbage, active: 0, reclaimable: garbage.bytes }
  return [rowOf('Images', images), rowOf('Local Volumes', volumes), rowOf('Left Over', left)]
}

function rowOf(type: string, { count, active, bytes, reclaimable }: UsageOfKind): Row {
  const share = bytes === 0 ? '' : ` (${Math.round((reclaimable / bytes) * 100)}%)`
  return {
    ...{ Type: type, TotalCount: String(count), Active: String(active), Size: humanSize(bytes) },
    Reclaimable: `${humanSize(reclaimable)}${share}`,
  }
}
