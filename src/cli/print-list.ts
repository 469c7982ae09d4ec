import { fillTemplate } from './fill-template.ts'
import type { CommandLine } from './command-line.ts'
import type { Flag } from './parse-flags.ts'
import { printText } from './print-text.ts'

/** A line of a list: docker's names of fields, and what they show. */
export type Row = Readonly<Record<string, string>>

/** `--format` of commands that print lists. */
export const formatFlag: Flag = {
  name: 'format',
  value: 'FORMAT',
  help: '"table", "json" (a document a line), or a template as "{{.ID}} {{.Size}}"',
}

/**
 * Prints a list as `--format` says, as docker does.
 *
 * @param headings of all fields that a template may name
 * @param columns fields of the table
 * @throws {AirplantError} `ERR_INVALID_OPTION` for a template that names others
 */
export async function printList(
  line: Pick<CommandLine, 'value'>,
  rows: readonly Row[],
  headings: Row,
  columns: readonly string[],
): Promise<void> {
  const format = line.value('format') ?? 'table'
  if (format === 'json') {
    await printText(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return
  }
  const [, inTable] = /^table(?:\s+(.*))?$/s.exec(format) ?? []
  if (format !== 'table' && inTable === undefined) {
    // What is wrong with a template is said also when there is nothing to print.
    fillTemplate(format, headings)
    await printText(rows.map((row) => `${fillTemplate(format, withoutControls(row))}\n`).join(''))
    return
  }
  const template = inTable ?? columns.map((name) => `{{.${name}}}`).join('\t')
  await printText(alignColumns([headings, ...rows.map(withoutControls)].map((row) => fillTemplate(template, row))))
}

/** Lines whose columns are apart by tabs, in columns as docker prints them: at least three spaces between. */
export function alignColumns(lines: readonly string[]): string {
  const cells = lines.map((text) => text.split('\t'))
  const widths = cells.reduce<number[]>((known, row) => {
    row.forEach((cell, index) => (known[index] = Math.max(known[index] ?? 0, cell.length)))
    return known
  }, [])
  const align = (row: readonly string[]): string => row.map((cell, index) => cell.padEnd(widths[index]!)).join('   ')
  return cells.map((row) => `${align(row).trimEnd()}\n`).join('')
}

/** What others wrote must neither move the cursor of a terminal nor break the columns. */
function withoutControls(row: Row): Row {
  const bare = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
  return Object.fromEntries(Object.entries(row).map(([name, text]) => [name, bare(text)]))
}

/** A text cut to so many characters, with an ellipsis where something is missing. */
export function shorten(text: string, length: number): string {
  const characters = [...text]
  return characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : text
}
