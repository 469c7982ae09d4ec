const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** Bytes as docker shows them: three digits, powers of 1000. */
export function humanSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (rounded(value) >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${rounded(value)}${UNITS[unit]}`
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

const HOUR = 3600
const DAY = 24 * HOUR

/** From how many seconds on which words are used, and how many seconds their unit has: docker's steps. */
const AGES: readonly (readonly [from: number, words: string, size?: number])[] = [
  [2 * 365 * DAY, 'years', 365 * DAY],
  [2 * 30 * DAY, 'months', 30 * DAY],
  [2 * 7 * DAY, 'weeks', 7 * DAY],
  [2 * DAY, 'days', DAY],
  [2 * HOUR, 'hours', HOUR],
  [HOUR, 'About an hour'],
  [2 * 60, 'minutes', 60],
  [60, 'About a minute'],
  [2, 'seconds', 1],
  [1, '1 second'],
  [-Infinity, 'Less than a second'],
]

/** How long ago, as docker shows it: `'3 weeks ago'`; `'N/A'` when nobody knows. @param now milliseconds since 1970 */
export function humanAge(time: string | undefined, now: number): string {
  const seconds = time === undefined ? NaN : Math.floor((now - Date.parse(time)) / 1000)
  const [, words, size] = AGES.find(([from]) => seconds >= from) ?? []
  if (words === undefined) return 'N/A'
  return size === undefined ? `${words} ago` : `${Math.floor(seconds / size)} ${words} ago`
}

/** `'0.2s'`, `'12s'`, `'3m20s'`. */
export function humanDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (ms < 2000) return `${(ms / 1000).toFixed(1)}s`
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
}
