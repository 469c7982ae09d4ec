import type { Descriptor } from '../descriptor.ts'
import { chunksOf } from './body.ts'
import { isPlain } from './fetch-manifest.ts'
import type { Exchange } from './exchange.ts'
import { foreignText } from './foreign-text.ts'
import { header, numberHeader } from './header.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'
import type { HttpAnswer } from './transport.ts'

/** A blob's bytes from somewhere on. */
export interface BlobPart {
  /** Chunks from the offset that was asked for; may end early. */
  readonly chunks: AsyncGenerator<Buffer>
}

/** What is asked of an endpoint. */
export interface BlobRequest {
  readonly descriptor: Descriptor
  readonly offset: number
  readonly stallTimeout?: number | undefined
}

/**
 * Asks an endpoint for a blob from an offset on. A server that does not know ranges sends all of it, and what comes before the offset is
 * skipped; one that gets them wrong is asked again for all of it. Throws refusals.
 */
export async function readBlob(
  exchange: Exchange,
  endpoint: Endpoint,
  request: BlobRequest,
  retry: RetryOptions,
): Promise<BlobPart> {
  if (request.offset > 0) {
    const answer = await ask(exchange, endpoint, request, retry, { range: `bytes=${request.offset}-` })
    if (answer.status === 206 && isRange(answer, request)) return partOf(answer, request, request.offset)
    if (answer.status === 200) return partOf(answer, request, 0)
    answer.body.destroy()
  }
  return partOf(await ask(exchange, endpoint, request, retry, {}), request, 0)
}

async function ask(
  exchange: Exchange,
  endpoint: Endpoint,
  { descriptor }: BlobRequest,
  retry: RetryOptions,
  range: { range?: string },
): Promise<HttpAnswer> {
  const { repository } = endpoint
  return exchange.send(
    endpoint,
    {
      method: 'GET',
      path: `/v2/${repository}/blobs/${descriptor.digest}`,
      headers: { accept: '*/*', ...range },
      scope: `repository:${repository}:pull`,
      expected: range.range === undefined ? [200] : [200, 206, 416],
    },
    retry,
  )
}

/** Whether it says that it begins where we asked; it may end earlier (RFC 9110, section 15.3.7). */
function isRange({ headers }: HttpAnswer, { offset, descriptor }: BlobRequest): boolean {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(header(headers, 'content-range') ?? '') ?? []
  if (start === undefined || end === undefined || total === undefined) return false
  const isSize = total === '*' || Number(total) === descriptor.size
  return Number(start) === offset && Number(end) >= offset && Number(end) < descriptor.size && isSize
}

function partOf(answer: HttpAnswer, { descriptor, offset, stallTimeout }: BlobRequest, start: number): BlobPart {
  const { headers, body } = answer
  const most = descriptor.size - start
  const length = numberHeader(headers, 'content-length')
  try {
    if (!isPlain(headers)) {
      const encoding = foreignText(header(headers, 'content-encoding') ?? '', 40)
      throw refusal(
        'ERR_REGISTRY_ANSWER',
        `it sent ${descriptor.digest} with encoding "${encoding}", which nobody asked for`,
      )
    }
    if (length !== undefined && (start === 0 ? length !== most : length > most))
      throw wrongSize(descriptor, length + start)
  } catch (error) {
    body.destroy()
    throw error
  }
  return { chunks: bounded(chunksOf(body, { stallTimeout }), descriptor, start, offset) }
}

/** Skips what comes before the offset, and stops at the size. */
async function* bounded(
  chunks: AsyncGenerator<Buffer>,
  descriptor: Descriptor,
  start: number,
  offset: number,
): AsyncGenerator<Buffer> {
  let position = start
  for await (const chunk of chunks) {
    const skipped = Math.max(0, Math.min(chunk.length, offset - position))
    position += chunk.length
    if (position > descriptor.size) throw wrongSize(descriptor, `more than ${descriptor.size}`)
    if (skipped < chunk.length) yield skipped === 0 ? chunk : chunk.subarray(skipped)
  }
}

function wrongSize({ digest, size }: Descriptor, found: number | string): Error {
  return refusal('ERR_DIGEST_MISMATCH', `it sent ${found} bytes for ${digest}, which has ${size}`)
}
