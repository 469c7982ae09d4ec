import { isAirplantError } from '../../errors.ts'
import type { Descriptor } from '../descriptor.ts'
import type { BlobPart } from './blob-reader.ts'
import { connectionFailure } from './connection-failure.ts'
import { pause } from '../../rootless/pause.ts'
import type { Purpose } from './purpose.ts'
import { aborted, allFailed } from './purpose.ts'
import { refusal } from './refusal.ts'
import type { RetryOptions } from './retry.ts'
import { backOff } from './retry.ts'

/** A part, and whom it comes from. */
export interface OpenPart extends BlobPart {
  readonly from: string
}

/** Cuts in a row without a byte between them, and cuts in all, after which it is given up. */
const MOST_IN_VAIN = 5
const MOST_CUTS = 100

/** A blob that is being read. */
export interface BlobResumption {
  readonly purpose: Purpose
  readonly descriptor: Descriptor
  readonly offset: number
  readonly open: (offset: number) => Promise<OpenPart>
  readonly retry: RetryOptions
}

/**
 * A blob's bytes from an offset to its end, over as many connections as it takes. The first is made before this returns.
 *
 * @throws {AirplantError} what `open` throws; while reading also `ERR_REGISTRY_UNREACHABLE`, `ERR_DIGEST_MISMATCH`, `ERR_ABORTED`
 */
export async function resumeBlob(blob: BlobResumption): Promise<AsyncGenerator<Buffer>> {
  return read(blob, await blob.open(blob.offset))
}

async function* read(blob: BlobResumption, first: OpenPart): AsyncGenerator<Buffer> {
  const { purpose, descriptor, offset, open, retry } = blob
  let position = offset
  let inVain = 0
  let part = first
  for (let cuts = 1; ; cuts++) {
    const start = position
    let error: unknown
    try {
      for await (const chunk of part.chunks) {
        position += chunk.length
        yield chunk
      }
    } catch (thrown) {
      if (retry.signal?.aborted) throw aborted(purpose, retry.signal.reason)
      if (isAirplantError(thrown)) throw allFailed(purpose, [{ from: part.from, error: thrown }])
      error = thrown
    }
    if (position === descriptor.size) return
    inVain = position > start ? 1 : inVain + 1
    const failure = cutShort(error, position, descriptor)
    if (inVain > MOST_IN_VAIN || cuts > MOST_CUTS) throw allFailed(purpose, [{ from: part.from, error: failure }])
    const delay = Math.round(backOff(inVain, retry.firstDelay))
    retry.onRetry?.({ reason: failure.detail!, delay })
    await pause(delay, retry.signal).catch((reason: unknown) => {
      throw aborted(purpose, reason)
    })
    part = await open(position)
  }
}

function cutShort(error: unknown, position: number, { digest, size }: Descriptor): ReturnType<typeof refusal> {
  const where = `at byte ${position} of ${size} of ${digest}`
  if (error === undefined) return refusal('ERR_DIGEST_MISMATCH', `it ended its answer ${where}`)
  const { detail } = connectionFailure(error)
  return refusal('ERR_REGISTRY_UNREACHABLE', `${detail} ${where}`, undefined, error)
}
