const flags: Readonly<Record<string, string>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
  retries: 'Retries',
}

const units: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

/**
 * What stands behind HEALTHCHECK, as an image's configuration has it.
 *
 * @param command reads what stands behind CMD: a list, or a text for the shell
 * @returns what is wrong with it, or the object
 * @example
 * healthcheckOf('--interval=5s CMD ["pg_isready"]', readList) // { Interval: 5000000000, Test: ['CMD', 'pg_isready'] }
 */
export function healthcheckOf(
  rest: string,
  command: (rest: string) => readonly string[] | undefined,
): Record<string, unknown> | string {
  if (/^none$/i.test(rest)) return { Test: ['NONE'] }
  const [, given = '', text] = /^((?:--\S+\s+)*)CMD\s+([^]+)$/i.exec(rest) ?? []
  if (text === undefined) return 'it is neither NONE nor flags and CMD'
  const times: Record<string, number> = {}
  for (const flag of given.split(/\s+/).filter(Boolean)) {
    const [, name = '', value = ''] = /^--([a-z-]+)=(.+)$/.exec(flag) ?? []
    const key = Object.hasOwn(flags, name) ? flags[name] : undefined
    const number = name === 'retries' ? count(value) : nanoseconds(value)
    if (key === undefined || number === undefined) return `its flag "${flag}" is none`
    times[key] = number
  }
  const list = command(text)
  return { ...times, Test: list ? ['CMD', ...list] : ['CMD-SHELL', text] }
}

function count(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

/** As Go reads durations: `1m30s`, `500ms`, `1.5s`. */
function nanoseconds(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[smh]))+$/.test(text)) return undefined
  const parts = text.matchAll(/([\d.]+)(ms|[smh])/g)
  return [...parts].reduce((sum, [, number, unit = '']) => sum + Math.round(Number(number) * units[unit]!), 0)
}
