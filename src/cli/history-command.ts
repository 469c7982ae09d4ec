import type { Command } from './command.ts'
import { humanAge, humanSize } from './human.ts'
import type { HistoryLine } from './image-history.ts'
import { historyOf } from './image-history.ts'
import { withStore } from './image-session.ts'
import { refusedPlatform } from './platform-flag.ts'
import type { Row } from './print-list.ts'
import { formatFlag, printList, shorten } from './print-list.ts'
import { printText } from './print-text.ts'
import { shortId } from './short-id.ts'

const CREATED_BY = 45

/** `airplant history`. */
export const historyCommand: Command = {
  name: 'history',
  usage: '[FLAGS] IMAGE',
  about: 'Shows how an image came about, newest first.',
  flags: [
    { name: 'human', short: 'H', help: 'Sizes and times for people. Default true' },
    formatFlag,
    { name: 'no-trunc', help: 'Whole IDs and commands' },
    { name: 'quiet', short: 'q', help: 'Print only IDs' },
    refusedPlatform,
  ],
  words: [1, 1],
  async run(line) {
    const { id, lines } = await withStore(async ({ store }) => {
      const image = store.require(line.words[0] ?? '')
      const sizes = image.layers.map((key) => store.layers.facts(key)?.bytes)
      return { id: image.id, lines: historyOf(image.config, sizes) }
    })
    const isWhole = line.isOn('no-trunc')
    const isHuman = line.values('human').length === 0 || line.isOn('human')
    const rows = lines.map((each, index) => {
      const shownId = index === 0 ? shortId(id, { isWhole }) : '<missing>'
      return rowOf(each, shownId, { isWhole, isHuman }, Date.now())
    })
    if (line.isOn('quiet')) await printText(rows.map(({ ID }) => `${ID}\n`).join(''))
    else {
      const columns = ['ID', isHuman ? 'CreatedSince' : 'CreatedAt', 'CreatedBy', 'Size', 'Comment']
      await printList(line, rows, headings, columns)
    }
    return 0
  },
}

const headings: Row = {
  ...{ ID: 'IMAGE', CreatedSince: 'CREATED', CreatedAt: 'CREATED AT', CreatedBy: 'CREATED BY', Size: 'SIZE' },
  Comment: 'COMMENT',
}

function rowOf(
  { created, createdBy, comment, bytes }: HistoryLine,
  id: string,
  { isWhole, isHuman }: { isWhole: boolean; isHuman: boolean },
  now: number,
): Row {
  const command = createdBy.replaceAll('\t', ' ')
  return {
    ...{ ID: id, CreatedSince: humanAge(created, now), CreatedAt: created ?? 'N/A' },
    CreatedBy: isWhole ? command : shorten(command, CREATED_BY),
    Size: isHuman ? humanSize(bytes) : String(bytes),
    Comment: comment,
  }
}
