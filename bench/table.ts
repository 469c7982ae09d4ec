import type { Row, Section } from './samples.ts'

/** A section as text: title, one aligned line per row, notes. */
export function formatSection({ title, rows, unit = 'ms', notes = [], relativeTo }: Section): string {
  const base = rows.find(({ name }) => name === relativeTo)?.p50
  const head = ['', `p50 ${unit}`, `p90 ${unit}`, 'n', ...(base === undefined ? [] : ['ratio'])]
  const cells = rows.map((row) => cellsOf(row, base))
  const widths = head.map((word, column) => Math.max(word.length, ...cells.map((line) => line[column]?.length ?? 0)))
  const lines = [head, ...cells].map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return [title, ...(rows.length > 0 ? lines : []), ...notes]
    .map((line, index) => (index === 0 ? line : `  ${line}`))
    .join('\n')
}

function cellsOf({ name, p50, p90, count }: Row, base: number | undefined): string[] {
  const ratio = base === undefined ? [] : [(p50 / base).toFixed(p50 / base < 10 ? 2 : 0)]
  return [name, number(p50), number(p90), `${count}`, ...ratio]
}

function number(value: number): string {
  return value.toFixed(value < 100 ? 2 : 0)
}
