import { discard } from './body.ts'
import { foreignText } from './foreign-text.ts'
import { header } from './header.ts'
import { refusal } from './refusal.ts'
import type { HttpAnswer, HttpRequest, Transport } from './transport.ts'

const MOST = 10

/** What a host is shown, and no other one may see (CVE-2020-15157). */
const secrets = ['authorization', 'cookie']

/**
 * Sends a request and goes where its answers point. Credentials, and leave not to check certificates, are for the first host only, also
 * when a later answer points back to it.
 *
 * @throws {AirplantError} `ERR_REGISTRY_ANSWER` for redirects without end, in a circle, from https to http, or of an upload to another
 *   host; what {@link Transport.request} throws
 */
export async function followRedirects(transport: Transport, first: HttpRequest): Promise<HttpAnswer> {
  const seen = new Set<string>()
  let request = first
  for (let count = 0; ; count++) {
    seen.add(request.url.href)
    const answer = await transport.request(request)
    const target = isRedirect(answer.status) ? header(answer.headers, 'location') : undefined
    if (target === undefined) return answer
    await discard(answer.body)
    if (count === MOST) throw refusal('ERR_REGISTRY_ANSWER', `it redirects more than ${MOST} times`)
    request = redirected(request, answer, target)
    if (seen.has(request.url.href)) {
      throw refusal('ERR_REGISTRY_ANSWER', `it redirects in a circle, to ${show(request.url)} again`)
    }
  }
}

/**
 * The address that a Location header means.
 *
 * @throws {AirplantError} `ERR_REGISTRY_ANSWER` when it is none, or leads from https to http
 */
export function locationOf(location: string, base: URL): URL {
  const url = URL.canParse(location, base.href) ? new URL(location, base) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw refusal('ERR_REGISTRY_ANSWER', `it redirects to "${foreignText(location)}", which is no address of the web`)
  }
  if (base.protocol === 'https:' && url.protocol === 'http:') {
    throw refusal(
      'ERR_REGISTRY_ANSWER',
      `it redirects from https to plain http, to ${show(url)}`,
      'Tell who runs the registry: behind a proxy it has to be told by X-Forwarded-Proto that it is reached by https',
    )
  }
  url.username = ''
  url.password = ''
  url.hash = ''
  return url
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

function redirected(request: HttpRequest, answer: HttpAnswer, location: string): HttpRequest {
  const url = locationOf(location, request.url)
  const isSame = url.origin === request.url.origin
  const isReading = request.method === 'GET' || request.method === 'HEAD'
  if (!isReading && (!isSame || ![307, 308].includes(answer.status))) {
    throw refusal('ERR_REGISTRY_ANSWER', `it redirects an upload, with status ${answer.status} to ${show(url)}`)
  }
  return isSame
    ? { ...request, url }
    : { ...request, url, headers: withoutSecrets(request.headers), insecureTls: false }
}

/** The headers without those that only one host may see. */
export function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !secrets.includes(name.toLowerCase())))
}

/** Without the query, which holds a signature that opens the file to anybody. */
function show(url: URL): string {
  return foreignText(`${url.origin}${url.pathname}`)
}
