import { discard } from './body.ts'
import type { Upload } from './push-blob.ts'
import { blobExists, closingAddress, pushScope, startUpload } from './push-blob.ts'
import { withRetries } from './retry.ts'

/** Uploads a blob in one request; after a failure anew from its start. False when the registry finds it too large for that. */
export async function uploadWhole(upload: Upload, first: URL): Promise<boolean> {
  const { exchange, endpoint, descriptor, source, retry } = upload
  let location: URL | undefined = first
  return withRetries(retry, async () => {
    if (!location) {
      // The answer may be what was lost.
      if (await blobExists(upload)) return { done: true }
      location = await startUpload(upload)
    }
    const result = await exchange.attempt(
      endpoint,
      {
        method: 'PUT',
        path: closingAddress(location!, descriptor.digest),
        headers: { 'content-type': 'application/octet-stream', 'content-length': `${descriptor.size}` },
        body: descriptor.size === 0 ? () => Buffer.alloc(0) : () => source.part(0, descriptor.size),
        scope: pushScope(endpoint),
        expected: [201, 204, 413],
      },
      retry,
    )
    location = undefined
    if (!('done' in result)) return result
    await discard(result.done.body)
    return { done: result.done.status !== 413 }
  })
}
