import type { Command } from './command.ts'
import { withContainerOf } from './container-session.ts'
import type { Flag } from './parse-flags.ts'
import { printText } from './print-text.ts'
import { usageError } from './usage-error.ts'

const letters = { added: 'A', changed: 'C', deleted: 'D' }
const format: Flag = { name: 'format', value: 'json', help: 'Print a JSON document a line' }

/** `airplant diff`: what a container changed in its root. */
export const diffCommand: Command = {
  name: 'diff',
  usage: 'CONTAINER',
  about: 'Shows what a running container added (A), changed (C) and deleted (D) in its files.',
  flags: [format],
  words: [1, 1],
  async run(line) {
    const asked = line.value('format')
    if (asked !== undefined && asked !== 'json') throw usageError(`Cannot print as "${asked}"`, 'Write --format json')
    const changes = await withContainerOf(line.words[0] ?? '', (container) => container.diff())
    const lines = changes.map((change) =>
      asked === 'json' ? `${JSON.stringify(change)}\n` : `${letters[change.kind]} ${quoted(change.path)}\n`,
    )
    await printText(lines.join(''))
    return 0
  },
}

/** Names with control characters, or that turn the direction of writing, would draw on the terminal, or be two lines. */
function quoted(path: string): string {
  return path.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
