import { digestOf, isDigest, parseDigest } from '../digest.ts'
import { mediaTypes } from '../media-types.ts'
import { readBody } from './body.ts'
import type { Exchange } from './exchange.ts'
import { foreignText } from './foreign-text.ts'
import { header, mediaTypeOf, numberHeader } from './header.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'
import { withRetries } from './retry.ts'
import { failedConnection } from './retryable.ts'
import type { HttpAnswer } from './transport.ts'

/** A manifest or index as the registry sent it; nothing in it was checked but its digest. */
export interface FetchedManifest {
  readonly bytes: Buffer
  /** In lower case, without parameters; one of the four kinds that are asked for. */
  readonly mediaType: string
  /** Of `bytes`; the one that was asked for, else sha256. */
  readonly digest: string
}

/** Most bytes of a manifest, the limit that the specification recommends and registries have. */
const LONGEST = 4 * 1024 ** 2

const accepted: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
]

/** Gets a manifest by tag or digest from one endpoint. Throws refusals. */
export async function fetchManifest(
  exchange: Exchange,
  endpoint: Endpoint,
  { tag, digest }: { tag?: string | undefined; digest?: string | undefined },
  retry: RetryOptions,
): Promise<FetchedManifest> {
  const { repository } = endpoint
  const request = {
    method: 'GET',
    path: `/v2/${repository}/manifests/${digest ?? encodeURIComponent(tag ?? 'latest')}`,
    headers: { accept: accepted.join(', ') },
    scope: `repository:${repository}:pull`,
    expected: [200],
  } as const
  return withRetries(retry, async () => {
    const answer = await exchange.send(endpoint, request, retry)
    const mediaType = checkType(answer)
    const length = numberHeader(answer.headers, 'content-length')
    if (length !== undefined && length > LONGEST) {
      answer.body.destroy()
      throw refusal('ERR_REGISTRY_ANSWER', `its manifest has ${length} bytes, and ${LONGEST} are the most`)
    }
    try {
      const bytes = await readBody(answer.body, LONGEST)
      return { done: { bytes, mediaType, digest: checkDigest(bytes, answer, digest) } }
    } catch (error) {
      return failedConnection(error, 'it', retry.signal)
    }
  })
}

function checkType({ headers, body }: HttpAnswer): string {
  const type = mediaTypeOf(headers)
  if (accepted.includes(type) && isPlain(headers)) return type
  body.destroy()
  if (type === mediaTypes.dockerSchema1 || type === mediaTypes.dockerSchema1Signed) {
    throw refusal(
      'ERR_INVALID_IMAGE',
      'it has the image only in the format of 2014 (schema 1), whose layers cannot be verified',
      'Push the image again with a current tool',
    )
  }
  const shown = type === '' ? 'without a media type' : `with media type "${foreignText(type, 100)}"`
  const encoding = isPlain(headers)
    ? ''
    : ` and encoding "${foreignText(header(headers, 'content-encoding') ?? '', 40)}"`
  throw refusal('ERR_REGISTRY_ANSWER', `it answered ${shown}${encoding}, which is no manifest`)
}

/** Whether bytes come as they are: nothing else was asked for, and their digest could not be told from another's. */
export function isPlain(headers: HttpAnswer['headers']): boolean {
  return ['', 'identity'].includes((header(headers, 'content-encoding') ?? '').trim().toLowerCase())
}

function checkDigest(bytes: Buffer, { headers }: HttpAnswer, wanted: string | undefined): string {
  const said = header(headers, 'docker-content-digest')
  if (said !== undefined && !isDigest(said)) {
    throw refusal('ERR_REGISTRY_ANSWER', `it names "${foreignText(said, 100)}" as the manifest's digest`)
  }
  for (const promised of [wanted, said]) {
    if (promised === undefined) continue
    const found = digestOf(bytes, parseDigest(promised).algorithm)
    if (found !== promised) throw refusal('ERR_DIGEST_MISMATCH', `it sent a manifest with ${found} for ${promised}`)
  }
  return wanted ?? digestOf(bytes)
}
