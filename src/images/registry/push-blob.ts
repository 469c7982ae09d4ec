import type { Descriptor } from '../descriptor.ts'
import { discard } from './body.ts'
import type { Exchange, RegistryRequest } from './exchange.ts'
import { locationOf } from './follow-redirects.ts'
import { header } from './header.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'
import type { HttpAnswer } from './transport.ts'
import { uploadChunks } from './upload-chunks.ts'
import type { UploadSource } from './upload-source.ts'
import { uploadWhole } from './upload-whole.ts'

/** How a blob came to be in the registry. */
export type PushOutcome = 'exists' | 'mounted' | 'uploaded'

/** What is uploaded, and where. */
export interface Upload {
  readonly exchange: Exchange
  readonly endpoint: Endpoint
  readonly descriptor: Descriptor
  readonly source: UploadSource
  /** Another repository of the registry that has the blob. */
  readonly mountFrom?: string | undefined
  /** Larger blobs go in chunks of so many bytes. */
  readonly chunkSize: number
  readonly retry: RetryOptions
}

/** Makes the registry have a blob: finds it there, mounts it from another repository, or uploads it. Throws refusals. */
export async function pushBlob(upload: Upload): Promise<PushOutcome> {
  if (await blobExists(upload)) return 'exists'
  const location = await startUpload(upload, upload.mountFrom)
  if (!location) return 'mounted'
  const chunked = upload.descriptor.size > upload.chunkSize
  const isDone = chunked ? await uploadChunks(upload, location) : await uploadWhole(upload, location)
  // Not every registry takes chunks, nor every proxy large bodies: then it is the other way's turn.
  if (!isDone) await otherWay(upload, chunked)
  return 'uploaded'
}

/** Whether the registry has a blob. Throws refusals. */
export async function blobExists({
  exchange,
  endpoint,
  descriptor,
  retry,
}: Omit<Upload, 'source' | 'chunkSize'>): Promise<boolean> {
  const { repository } = endpoint
  const path = `/v2/${repository}/blobs/${descriptor.digest}`
  const scope = `repository:${repository}:pull`
  const answer = await exchange.send(endpoint, { method: 'HEAD', path, scope, expected: [200, 404] }, retry)
  await discard(answer.body)
  return answer.status === 200
}

async function otherWay(upload: Upload, chunked: boolean): Promise<void> {
  const location = await startUpload(upload)
  const chunkSize = Math.min(upload.chunkSize, 8 * 1024 ** 2)
  const isDone = chunked
    ? await uploadWhole(upload, location!)
    : await uploadChunks({ ...upload, chunkSize }, location!)
  if (!isDone) throw refusal('ERR_REGISTRY_ANSWER', `it takes ${upload.descriptor.digest} neither whole nor in chunks`)
}

/** Begins an upload, and says where to; undefined when the blob was mounted instead. */
export async function startUpload(
  { exchange, endpoint, descriptor, retry }: Upload,
  mountFrom?: string,
): Promise<URL | undefined> {
  const query =
    mountFrom === undefined ? '' : `?${new URLSearchParams({ mount: descriptor.digest, from: mountFrom }).toString()}`
  const request: RegistryRequest = {
    method: 'POST',
    path: `/v2/${endpoint.repository}/blobs/uploads/${query}`,
    headers: { 'content-length': '0' },
    scope: `${pushScope(endpoint)}${mountFrom === undefined ? '' : ` repository:${mountFrom}:pull`}`,
    expected: mountFrom === undefined ? [202] : [201, 202],
  }
  try {
    const answer = await exchange.send(endpoint, request, retry)
    await discard(answer.body)
    return answer.status === 201 ? undefined : nextLocation(answer)
  } catch (error) {
    // Some registries refuse a mount from a repository that they do not have, or that we may not read.
    if (mountFrom === undefined || retry.signal?.aborted) throw error
    return startUpload({ exchange, endpoint, descriptor, retry } as Upload)
  }
}

/** Scope of everything that belongs to a push. */
export function pushScope({ repository }: Endpoint): string {
  return `repository:${repository}:pull,push`
}

/** Where an upload goes on: each answer may name another place. */
export function nextLocation({ headers, url }: HttpAnswer): URL {
  const location = header(headers, 'location')
  if (location !== undefined) return locationOf(location, url)
  throw refusal('ERR_REGISTRY_ANSWER', 'it does not say where to upload to')
}

/** The address that ends an upload. */
export function closingAddress(location: URL, digest: string): URL {
  const url = new URL(location)
  url.searchParams.set('digest', digest)
  return url
}
