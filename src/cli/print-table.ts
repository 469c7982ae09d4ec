import { printText } from './print-text.ts'

/** A column of a table: its heading, and what a row shows in it. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => string>>

/** Prints rows in columns as docker does: headings in capitals, three spaces between. */
export async function printTable<Row>(rows: readonly Row[], columns: Columns<Row>): Promise<void> {
  const lines = [Object.keys(columns), ...rows.map((row) => Object.values(columns).map((show) => show(row)))]
  const widths = Object.keys(columns).map((_, index) => Math.max(...lines.map((line) => line[index]!.length)))
  const text = lines.map((line) => line.map((cell, index) => cell.padEnd(widths[index]!)).join('   '))
  await printText(text.map((line) => `${line.trimEnd()}\n`).join(''))
}

/** Prints one JSON document a line, as docker's `--format json`. */
export async function printJsonLines(rows: readonly object[]): Promise<void> {
  await printText(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}
