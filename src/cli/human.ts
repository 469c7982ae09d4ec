const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** Bytes as docker shows them: three digits, powers of 1000. */
export function humanSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const text = value >= 100 || unit === 0 ? value.toFixed(0) : value.toPrecision(3)
  return `${text}${UNITS[unit]}`
}

const AGES: readonly (readonly [string, number])[] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** How long ago, as docker shows it: `'3 weeks ago'`. */
export function humanAge(time: string | undefined, now: number): string {
  const seconds = time === undefined ? NaN : Math.floor((now - Date.parse(time)) / 1000)
  if (Number.isNaN(seconds)) return 'N/A'
  const [unit, size] = AGES.find(([name, length]) => seconds >= (name === 'second' ? 1 : 2 * length)) ?? ['second', 1]
  const count = Math.max(0, Math.floor(seconds / size))
  if (count === 0) return 'Less than a second ago'
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`
}

/** `'12s'`, `'3m20s'`. */
export function humanDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
}
