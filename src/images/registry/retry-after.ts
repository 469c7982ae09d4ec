/**
 * The ms that a Retry-After header asks to wait: it holds seconds or a date (RFC 9110, section 10.2.3). Undefined where it holds neither.
 *
 * @param time now, in ms since 1970
 */
export function parseRetryAfter(value: string | undefined, time: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = /^[A-Z][a-z]{2},? /.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - time)
}
