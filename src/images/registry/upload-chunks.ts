import type { AirplantError } from '../../errors.ts'
import { discard } from './body.ts'
import { header } from './header.ts'
import { pause } from '../../rootless/pause.ts'
import type { Upload } from './push-blob.ts'
import { blobExists, closingAddress, nextLocation, pushScope, startUpload } from './push-blob.ts'
import { refusal } from './refusal.ts'
import { backOff } from './retry.ts'
import type { HttpAnswer } from './transport.ts'

/** How far an upload got. */
interface Progress {
  location: URL
  offset: number
  /** Failures in a row. */
  failures: number
}

/** Statuses of a registry that does not know uploads in chunks. */
const unknown = [404, 405, 501]

/**
 * Uploads a blob in chunks, each from where the registry says that it is: after a cut it is asked, and what it has is not sent again.
 * False when it does not take chunks at all.
 */
export async function uploadChunks(upload: Upload, location: URL): Promise<boolean> {
  const { descriptor, retry } = upload
  const progress: Progress = { location, offset: 0, failures: 0 }
  for (;;) {
    const isEnd = progress.offset === descriptor.size
    const result = isEnd ? await close(upload, progress) : await sendChunk(upload, progress)
    if (result === 'sent') progress.failures = 0
    else if (typeof result === 'boolean') return result
    else {
      if (++progress.failures >= (retry.tries ?? 5)) throw result
      const delay = Math.round(backOff(progress.failures, retry.firstDelay))
      retry.onRetry?.({ reason: result.detail ?? result.message, delay })
      await pause(delay, retry.signal)
      if (await isThere(upload, progress, isEnd)) return true
    }
  }
}

/** Sends the next chunk; gives what failed where it may go better again. */
async function sendChunk(upload: Upload, progress: Progress): Promise<'sent' | false | AirplantError> {
  const { exchange, endpoint, descriptor, source, chunkSize, retry } = upload
  const { location, offset } = progress
  const length = Math.min(chunkSize, descriptor.size - offset)
  const result = await exchange.attempt(
    endpoint,
    {
      method: 'PATCH',
      path: location,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': `${length}`,
        'content-range': `${offset}-${offset + length - 1}`,
      },
      body: () => source.part(offset, length),
      scope: pushScope(endpoint),
      expected: [202, 204, 416, ...unknown],
    },
    retry,
  )
  if (!('done' in result)) return result.failure
  const { done: answer } = result
  await discard(answer.body)
  if (unknown.includes(answer.status) && offset === 0) return false
  if (answer.status !== 202 && answer.status !== 204) {
    return refusal('ERR_REGISTRY_ANSWER', `it answered ${answer.status} to a chunk`)
  }
  progress.location = nextLocation(answer)
  progress.offset = offsetOf(answer) ?? offset + length
  if (progress.offset <= offset || progress.offset > offset + length) {
    throw refusal('ERR_REGISTRY_ANSWER', `it says it has ${progress.offset} bytes after ${offset + length} were sent`)
  }
  return 'sent'
}

async function close(
  { exchange, endpoint, descriptor, retry }: Upload,
  progress: Progress,
): Promise<true | AirplantError> {
  const result = await exchange.attempt(
    endpoint,
    {
      method: 'PUT',
      path: closingAddress(progress.location, descriptor.digest),
      headers: { 'content-length': '0' },
      scope: pushScope(endpoint),
      expected: [201, 204],
    },
    retry,
  )
  if (!('done' in result)) return result.failure
  await discard(result.done.body)
  return true
}

/**
 * Asks how far an upload got, and goes on there; from the start where it is not known any more (docker-registry forgets one that was cut
 * within a chunk). True when all of it is done.
 */
async function isThere(upload: Upload, progress: Progress, wasClosing: boolean): Promise<boolean> {
  const { exchange, endpoint, descriptor, retry } = upload
  const request = {
    method: 'GET',
    path: progress.location,
    scope: pushScope(endpoint),
    expected: [204, 400, 404, 405],
  } as const
  const answer = await exchange.send(endpoint, request, retry)
  await discard(answer.body)
  if (answer.status === 204) {
    const offset = offsetOf(answer) ?? 0
    if (header(answer.headers, 'location') !== undefined) progress.location = nextLocation(answer)
    progress.offset = Math.min(offset, descriptor.size)
    return false
  }
  if (wasClosing && (await blobExists(upload))) return true
  progress.location = (await startUpload(upload))!
  progress.offset = 0
  return false
}

/** Bytes that the registry has: Range is `0-<last>`, and `0-0` when it has none. */
function offsetOf({ headers }: HttpAnswer): number | undefined {
  const last = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(header(headers, 'range') ?? '')?.[1]
  if (last === undefined) return undefined
  return last === '0' ? 0 : Number(last) + 1
}
