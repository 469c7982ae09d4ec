import type { Readable } from 'node:stream'
import { clearTimer, setTimer } from '../../rootless/clock.ts'
import { refusal } from './refusal.ts'

/** Milliseconds without a byte after which a connection is given up. */
export const STALL_TIMEOUT = 60_000

/** What a body is read with. */
export interface BodyOptions {
  /** Milliseconds without a byte. @default 60_000 */
  readonly stallTimeout?: number | undefined
}

/**
 * The chunks of a body, for as long as they keep coming. Only the time that is spent waiting counts: a reader may be slow, a registry
 * may not.
 *
 * @throws the connection's own error, or one with code `ETIMEDOUT` after a stall
 */
export async function* chunksOf(
  body: Readable,
  { stallTimeout = STALL_TIMEOUT }: BodyOptions = {},
): AsyncGenerator<Buffer> {
  let waiting = true
  const timer = setTimer(() => {
    if (waiting) body.destroy(stalled(stallTimeout))
  }, stallTimeout)
  try {
    for await (const chunk of body) {
      waiting = false
      yield chunk as Buffer
      waiting = true
      timer.refresh()
    }
  } finally {
    clearTimer(timer)
    body.destroy()
  }
}

/**
 * A whole body of at most so many bytes.
 *
 * @throws {AirplantError} `ERR_REGISTRY_ANSWER` when it is longer; what the connection threw
 */
export async function readBody(body: Readable, most: number, options?: BodyOptions): Promise<Buffer> {
  const { bytes, whole } = await readStart(body, most, options)
  if (whole) return bytes
  throw refusal('ERR_REGISTRY_ANSWER', `its answer has more than ${most} bytes`)
}

/** The first bytes of a body; the rest is not asked for. */
export async function readStart(
  body: Readable,
  most: number,
  options?: BodyOptions,
): Promise<{ bytes: Buffer; whole: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of chunksOf(body, options)) {
    chunks.push(chunk)
    size += chunk.length
    if (size > most) return { bytes: Buffer.concat(chunks).subarray(0, most), whole: false }
  }
  return { bytes: Buffer.concat(chunks, size), whole: true }
}

/** Reads a short rest away, so that the connection serves the next request; a long or slow one ends it. */
export async function discard(body: Readable): Promise<void> {
  await readStart(body, 64 * 1024, { stallTimeout: 1000 }).catch(() => undefined)
}

function stalled(ms: number): Error {
  return Object.assign(new Error(`no byte came for ${ms / 1000} s`), { code: 'ETIMEDOUT' })
}
