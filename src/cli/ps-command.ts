import type { FoundContainer } from '../containers/find-container.ts'
import type { Command } from './command.ts'
import type { ShownContainer } from './describe-container.ts'
import { containerHeadings, containerRow } from './describe-container.ts'
import { endOnSignals } from './end-on-signals.ts'
import { formatFlag, printList } from './print-list.ts'
import { printText } from './print-text.ts'
import type { Filters } from './read-filters.ts'
import { filterFlag, fitLabels, readFilters } from './read-filters.ts'

/** `airplant ps`. */
export const psCommand: Command = {
  name: 'ps',
  usage: '[FLAGS]',
  about: `Lists the running containers of this account, newest first, whichever process started them: also those of tests that run now. What a test
runner started has a column that names the test, or the service.`,
  flags: [
    { name: 'all', short: 'a', help: 'Also those that have ended and are not removed yet' },
    filterFlag('name=PART, id=BEGINNING, label=NAME[=VALUE], status=STATE, ancestor=IMAGE'),
    formatFlag,
    { name: 'no-trunc', help: 'Show commands whole' },
    { name: 'quiet', short: 'q', help: 'Print only IDs' },
    { name: 'size', short: 's', refused: { why: 'it would read all files', instead: 'See "airplant diff CONTAINER"' } },
  ],
  words: [0, 0],
  examples: ['airplant ps -f label=airplant.test', "airplant ps --format '{{.ID}} {{.Names}} {{.Ports}}'"],
  async run(line) {
    endOnSignals()
    const filter = containerFilter(readFilters(line, containerFilterNames), line.isOn('all'))
    const now = Date.now()
    const rows = (await readContainers(filter)).map((each) => containerRow(each, { now, whole: line.isOn('no-trunc') }))
    if (line.isOn('quiet') && line.value('format') === undefined)
      await printText(rows.map(({ ID }) => `${ID}\n`).join(''))
    else await printList(line, rows, containerHeadings, columnsFor(rows))
    return 0
  },
}

const columns = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names']

/** Who started them is shown where anything is known of it. */
function columnsFor(rows: readonly { readonly Test?: string }[]): string[] {
  return rows.some(({ Test }) => Test) ? [...columns, 'Test'] : columns
}

async function readContainers(filter: (found: FoundContainer) => boolean): Promise<ShownContainer[]> {
  const { findContainers } = await import('../containers/find-container.ts')
  const all = await findContainers(process.env)
  try {
    const chosen = all.filter(filter).sort((one, other) => other.meta.started - one.meta.started)
    return await Promise.all(chosen.map(withExit))
  } finally {
    await Promise.all(all.map((each) => each[Symbol.asyncDispose]()))
  }
}

async function withExit({ session, listed, meta }: FoundContainer): Promise<ShownContainer> {
  if (listed.state !== 'exited') return { listed, meta, exit: undefined }
  const { AttachedContainer } = await import('../containers/attached-container.ts')
  // It may be gone meanwhile, which is as good as ended.
  const attached = await AttachedContainer.open({ session, listed, meta }, process.env).catch(() => undefined)
  return { listed, meta, exit: attached?.exit }
}

const containerFilterNames = ['name', 'id', 'label', 'label!', 'status', 'ancestor']

/** Whether a container fits all filters; of one name any. What has ended has to be asked for. */
function containerFilter(filters: Filters, all: boolean): (found: FoundContainer) => boolean {
  const showsEnded = all || filters.has('status')
  const fits = (name: string, test: (value: string) => boolean): boolean => filters.get(name)?.some(test) ?? true
  return ({ listed, meta }) =>
    (showsEnded || listed.state !== 'exited') &&
    fits('name', (part) => (meta.name ?? '').includes(part)) &&
    fits('id', (beginning) => listed.id.startsWith(beginning)) &&
    fits('status', (state) => listed.state === state) &&
    fits('ancestor', (image) => meta.image === image || meta.imageId === image) &&
    fitLabels(meta.labels, filters)
}
