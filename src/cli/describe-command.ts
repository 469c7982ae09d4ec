import type { Command } from './command.ts'
import type { Flag } from './parse-flags.ts'

/** The help of a command. */
export function describeCommand({ name, usage, about, flags, examples = [] }: Omit<Command, 'run' | 'words'>): string {
  const sections = [`Usage: airplant ${name} ${usage}`.trimEnd(), about, describeFlags(flags).trimEnd()]
  if (examples.length > 0) sections.push(`Examples:\n${examples.map((example) => `  ${example}`).join('\n')}`)
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

/** One line for each flag that the help should have. */
function describeFlags(flags: readonly Flag[]): string {
  const rows = flags
    .filter(({ help }) => help !== undefined)
    .map(({ name, short, value, missing, help }) => {
      const shown = missing === undefined ? ` ${value}` : `[=${value}]`
      const names = `${short ? `-${short}, ` : '    '}--${name}${value ? shown : ''}`
      return [names, help ?? ''] as const
    })
  const width = Math.max(...rows.map(([names]) => names.length))
  return rows.map(([names, help]) => `  ${names.padEnd(width)}  ${help}\n`).join('')
}
