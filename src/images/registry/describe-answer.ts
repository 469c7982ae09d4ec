import { STATUS_CODES } from 'node:http'
import { readStart } from './body.ts'
import { foreignText } from './foreign-text.ts'
import { mediaTypeOf } from './header.ts'
import type { HttpAnswer } from './transport.ts'

/** Bytes of an error's body that are read, and ms for which the next of them is waited for. */
const LONGEST = 64 * 1024
const PATIENCE = 5000

/** What an answer that is an error says, as the end of a message: `'404 Not Found (MANIFEST_UNKNOWN: manifest unknown)'`. */
export async function describeAnswer({ status, headers, body }: HttpAnswer): Promise<string> {
  const type = mediaTypeOf(headers)
  const text = await readStart(body, LONGEST, { stallTimeout: PATIENCE }).then(
    ({ bytes }) => bytes.toString(),
    () => '',
  )
  // A page of HTML says nothing that its status does not.
  const said = errorsOf(text) ?? (type === 'text/plain' || type === '' ? foreignText(text) : '')
  const phrase = STATUS_CODES[status]
  return `${status}${phrase ? ` ${phrase}` : ''}${said === '' ? '' : ` (${said})`}`
}

/** The errors of the distribution specification, `{"errors":[{"code","message"}]}`, and of token servers, `{"details"}` or `{"error"}`. */
function errorsOf(text: string): string | undefined {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(document)) return undefined
  const errors = Array.isArray(document.errors) ? document.errors.filter(isRecord) : []
  const said = errors.slice(0, 3).map(({ code, message }) => [code, message].filter(isText).join(': '))
  if (said.length > 0) return foreignText(said.join('; '))
  const { details, error, error_description: description, message } = document
  return foreignText([error, description, details, message].filter(isText).slice(0, 2).join(': '))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
