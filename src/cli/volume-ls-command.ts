import type { Volume } from '../images/store/volumes.ts'
import type { Command } from './command.ts'
import { withStore } from './image-session.ts'
import type { Row } from './print-list.ts'
import { formatFlag, printList } from './print-list.ts'
import { printText } from './print-text.ts'
import { filterFlag, fitLabels, readFilters, switchOf } from './read-filters.ts'

/** `airplant volume ls`. */
export const volumeLsCommand: Command = {
  name: 'volume ls',
  usage: '[FLAGS]',
  about: 'Lists the volumes in the store by name.',
  flags: [
    filterFlag('name=PART, label=NAME[=VALUE], dangling=true (used by no running container)'),
    formatFlag,
    { name: 'quiet', short: 'q', help: 'Print only names' },
  ],
  words: [0, 0],
  async run(line) {
    const filters = readFilters(line, ['name', 'label', 'label!', 'dangling', 'driver'])
    const dangling = switchOf(filters, 'dangling')
    const parts = filters.get('name') ?? []
    const found = await withStore(async ({ store }) => {
      const used = dangling === undefined ? undefined : await store.context.uses.all()
      return store.volumes
        .list()
        .filter(({ name }) => !used || used.has(store.volumes.useKey(name)) !== dangling)
        .filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
        .filter(({ labels }) => fitLabels(labels, filters))
    })
    const isOther = !(filters.get('driver') ?? ['local']).includes('local')
    const rows = isOther ? [] : found.map(rowOf)
    if (line.isOn('quiet')) await printText(rows.map(({ Name }) => `${Name}\n`).join(''))
    else await printList(line, rows, headings, ['Driver', 'Name'])
    return 0
  },
}

const headings: Row = {
  ...{ Driver: 'DRIVER', Name: 'VOLUME NAME', Mountpoint: 'MOUNTPOINT', Labels: 'LABELS', Scope: 'SCOPE' },
  CreatedAt: 'CREATED AT',
}

function rowOf({ name, labels, created, directory }: Volume): Row {
  const shown = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
  return {
    ...{ Driver: 'local', Name: name, Mountpoint: directory, Labels: shown.join(','), Scope: 'local' },
    CreatedAt: created,
  }
}
