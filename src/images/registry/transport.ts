import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { AirplantError } from '../../errors.ts'
import { clearTimer, setTimer } from '../../rootless/clock.ts'
import { STALL_TIMEOUT } from './body.ts'
import { readCertificates } from './certificates.ts'
import { proxyFor } from './proxy.ts'

/** One request, to one address. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Made anew for every try. Its length is in the headers. */
  readonly body?: (() => AsyncIterable<Buffer> | Buffer) | undefined
  /** Does not ask who the other side is. */
  readonly insecureTls?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Its answer; the body has to be read or destroyed. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
  /** Whom it is from: the last of the redirects. */
  readonly url: URL
}

const CONNECT_TIMEOUT = 10_000

/** Most bytes of an answer's headers. */
const MAX_HEADERS = 32 * 1024

/**
 * Connections to registries: its own, so that nothing done to the global dispatcher (or by it) matters. They end with it, and idle
 * ones do not keep Node running.
 */
export class Transport implements AsyncDisposable {
  readonly #env: NodeJS.ProcessEnv
  readonly #stallTimeout: number
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>()
  #isDisposed = false

  /** @param options `stallTimeout`: ms without a sign of life after which a request fails; 60_000 by default */
  constructor(env: NodeJS.ProcessEnv, { stallTimeout = STALL_TIMEOUT }: { stallTimeout?: number | undefined } = {}) {
    this.#env = env
    this.#stallTimeout = stallTimeout
  }

  /** Sends a request; redirects and bad statuses are answers like any other. Throws what undici throws, or the signal's reason. */
  async request({ method, url, headers, body, insecureTls = false, signal }: HttpRequest): Promise<HttpAnswer> {
    const dispatcher = await this.#dispatcher(url, insecureTls)
    const stop = new AbortController()
    const stall = setTimer(() => stop.abort(noAnswer(this.#stallTimeout)), this.#stallTimeout)
    const content = body?.()
    try {
      const answer = await dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { 'user-agent': 'airplant', 'accept-encoding': 'identity', ...headers },
        body: content === undefined || Buffer.isBuffer(content) ? (content ?? null) : watched(content, stall),
        signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
      })
      // An answer that nobody listens to any more may still fail.
      answer.body.on('error', () => undefined)
      return { status: answer.statusCode, headers: answer.headers, body: answer.body, url }
    } finally {
      clearTimer(stall)
    }
  }

  async #dispatcher(url: URL, insecureTls: boolean): Promise<Dispatcher> {
    if (this.#isDisposed) throw disposed()
    const proxy = proxyFor(url, this.#env)
    const key = `${url.protocol} ${url.protocol === 'https:' ? url.host : ''} ${insecureTls} ${proxy ?? ''}`
    const known = this.#dispatchers.get(key)
    if (known) return known
    const made = makeDispatcher(url, insecureTls, proxy, this.#env)
    this.#dispatchers.set(key, made)
    return made
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const made = await Promise.allSettled(this.#dispatchers.values())
    this.#dispatchers.clear()
    await Promise.all(made.map(async (each) => each.status === 'fulfilled' && each.value.destroy()))
  }
}

async function makeDispatcher(
  url: URL,
  insecureTls: boolean,
  proxy: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await import('undici')
  const certificates = url.protocol === 'https:' ? await readCertificates(url.host, env) : {}
  const secured = { ...certificates, rejectUnauthorized: !insecureTls }
  // Waiting is timed here, by a clock that a test's fake timers do not stop.
  const options = { headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: MAX_HEADERS }
  if (proxy === undefined) return new Agent({ ...options, connect: { timeout: CONNECT_TIMEOUT, ...secured } })
  return new ProxyAgent({
    ...options,
    uri: proxy,
    // A proxy seldom lets CONNECT through to a port of plain HTTP.
    proxyTunnel: url.protocol === 'https:',
    requestTls: { timeout: CONNECT_TIMEOUT, ...secured },
    proxyTls: { timeout: CONNECT_TIMEOUT },
  })
}

/** A body each chunk of which is a sign of life. */
function watched(content: AsyncIterable<Buffer>, stall: NodeJS.Timeout): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      stall.refresh()
      yield chunk
    }
    stall.refresh()
  }
  return Readable.from(chunks(), { objectMode: false })
}

function disposed(): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    message: 'Cannot ask a registry: the client was disposed',
    hint: 'Await what you asked it before you dispose it',
  })
}

function noAnswer(ms: number): Error {
  return Object.assign(new Error(`no answer came within ${ms / 1000} s`), { code: 'ETIMEDOUT' })
}
