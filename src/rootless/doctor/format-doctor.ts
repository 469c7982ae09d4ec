import type { CheckResult } from './check.ts'

const SYMBOLS = { ok: '✓', warn: '!', fail: '✗', skip: '-' } as const
const COLORS = { ok: 32, warn: 33, fail: 31, skip: 90 } as const

/** How {@link formatDoctor} writes. */
export interface FormatOptions {
  /** Colours for a terminal. Default false. */
  readonly color?: boolean
}

/**
 * The report for people: a line per check, and below it the commands that mend it. A remedy that was given above is not repeated.
 *
 * @example
 * process.stdout.write(formatDoctor(results, { color: process.stdout.isTTY }))
 */
export function formatDoctor(results: readonly CheckResult[], { color = false }: FormatOptions = {}): string {
  const width = Math.max(0, ...results.map(({ title }) => title.length))
  const seen = new Set<string>()
  const lines = results.flatMap(({ status, title, detail, fix = [] }) => {
    const fresh = fix.filter((line) => !seen.has(line))
    for (const line of fresh) seen.add(line)
    const symbol = color ? `\u001b[${COLORS[status]}m${SYMBOLS[status]}\u001b[0m` : SYMBOLS[status]
    const remedies = fresh.map((line) => indent(`$ ${line}`, width + 6))
    if (fix.length > fresh.length) remedies.push(indent('(mended by the command above)', width + 6))
    return [`${symbol} ${title.padEnd(width)}  ${detail}`, ...remedies]
  })
  return `${[...lines, '', summary(results)].join('\n')}\n`
}

/** The report for programs: the results as they are. */
export function formatDoctorJson(results: readonly CheckResult[]): string {
  return `${JSON.stringify(results, null, 2)}\n`
}

function summary(results: readonly CheckResult[]): string {
  const count = (status: CheckResult['status']): number => results.filter((result) => result.status === status).length
  const [failed, warned] = [count('fail'), count('warn')]
  if (failed > 0) return `Containers cannot start here: ${failed} failed, ${warned} warned`
  return warned > 0 ? `Containers can start here; ${warned} warned` : 'Containers can start here'
}

function indent(text: string, width: number): string {
  // Only the first line: a here-document must end in a line without leading spaces to be pasted.
  return `${' '.repeat(width)}${text}`
}
