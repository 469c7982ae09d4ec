import type { CommandLine } from './command-line.ts'
import type { Flag } from './parse-flags.ts'
import { usageError } from './usage-error.ts'

/** `--filter` of commands that list. @param names what it may be given for, as in the help */
export function filterFlag(names: string): Flag {
  return { ...longFilterFlag(names), short: 'f' }
}

/** The same of commands whose `-f` is `--force`. */
export function longFilterFlag(names: string): Flag {
  return { name: 'filter', value: 'NAME=VALUE', help: `Only those that fit: ${names}; repeatable` }
}

/** Values of `--filter` by name; of the same name any has to fit, of different names all. */
export type Filters = ReadonlyMap<string, readonly string[]>

/**
 * @param known names that can be filtered by
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function readFilters(line: Pick<CommandLine, 'values'>, known: readonly string[]): Filters {
  const filters = new Map<string, string[]>()
  for (const text of line.values('filter')) {
    const [name = '', value] = text.split(/=(.*)/s, 2)
    if (value === undefined) throw usageError(`Cannot filter by "${text}"`, 'Write --filter NAME=VALUE')
    if (!known.includes(name)) throw usageError(`Cannot filter by "${name}"`, `Filters here are ${known.join(', ')}`)
    filters.set(name, [...(filters.get(name) ?? []), value])
  }
  return filters
}

/** Whether a switch among filters is on; undefined when it was not given. @throws {AirplantError} `ERR_INVALID_OPTION` */
export function switchOf(filters: Filters, name: string): boolean | undefined {
  const value = filters.get(name)?.at(-1)
  if (value === undefined) return undefined
  if (/^(true|1)$/i.test(value)) return true
  if (/^(false|0)$/i.test(value)) return false
  throw usageError(`Cannot filter by "${name}=${value}"`, `Write ${name}=true or ${name}=false`)
}

/** Whether labels fit `label=NAME` and `label=NAME=VALUE`, all of them, and no `label!=…`. */
export function fitLabels(labels: Readonly<Record<string, string>>, filters: Filters): boolean {
  const fits = (wanted: string): boolean => {
    const [name = '', value] = wanted.split(/=(.*)/s, 2)
    return Object.hasOwn(labels, name) && (value === undefined || labels[name] === value)
  }
  return (filters.get('label') ?? []).every(fits) && !(filters.get('label!') ?? []).some(fits)
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * A time as docker's `until` takes it: how long ago (`24h`, `1h30m`), seconds since 1970, or a date.
 *
 * @param now milliseconds since 1970
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 */
export function parseUntil(text: string, now: number): Date {
  if (/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
    return new Date(now - parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0))
  }
  const date = /^\d+(\.\d+)?$/.test(text) ? new Date(Number(text) * 1000) : new Date(text)
  if (/^\d/.test(text) && !Number.isNaN(date.getTime())) return date
  throw usageError(
    `Cannot use "${text}" as a time`,
    'Write how long ago, as 24h or 1h30m, or a date as 2026-01-31T12:00:00',
  )
}
