import type { IncomingHttpHeaders } from 'node:http'

/** A header's value; several of one name as a list. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** A header that is a whole number of bytes; undefined where it is missing or anything else. */
export function numberHeader(headers: IncomingHttpHeaders, name: string): number | undefined {
  const value = header(headers, name)
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}

/** The media type of an answer in lower case without its parameters, `''` where none is said. */
export function mediaTypeOf(headers: IncomingHttpHeaders): string {
  return (header(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
}
