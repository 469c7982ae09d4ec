import { digestOf, isDigest, parseDigest } from '../digest.ts'
import type { Reference } from '../reference.ts'
import { discard } from './body.ts'
import type { Exchange } from './exchange.ts'
import { header } from './header.ts'
import { pushScope } from './push-blob.ts'
import { refusal } from './refusal.ts'
import type { Endpoint } from './resolve-endpoints.ts'
import type { RetryOptions } from './retry.ts'

/** Puts a manifest under the reference's digest or else tag, and gives its digest. Throws refusals. */
export async function putManifest(
  exchange: Exchange,
  endpoint: Endpoint,
  { reference, bytes, mediaType }: { reference: Reference; bytes: Buffer; mediaType: string },
  retry: RetryOptions,
): Promise<string> {
  const { tag, digest: wanted } = reference
  const digest = digestOf(bytes, wanted === undefined ? 'sha256' : parseDigest(wanted).algorithm)
  if (wanted !== undefined && wanted !== digest) {
    throw refusal(
      'ERR_DIGEST_MISMATCH',
      `the manifest has ${digest}, not ${wanted}`,
      'Push it under its own digest, or a tag',
    )
  }
  const answer = await exchange.send(
    endpoint,
    {
      method: 'PUT',
      path: `/v2/${endpoint.repository}/manifests/${wanted ?? encodeURIComponent(tag ?? 'latest')}`,
      headers: { 'content-type': mediaType, 'content-length': `${bytes.length}` },
      body: () => bytes,
      scope: pushScope(endpoint),
      expected: [200, 201, 202],
    },
    retry,
  )
  await discard(answer.body)
  const said = header(answer.headers, 'docker-content-digest')
  if (isDigest(said) && parseDigest(said).algorithm === parseDigest(digest).algorithm && said !== digest) {
    throw refusal('ERR_DIGEST_MISMATCH', `it took the manifest ${digest} as ${said}`)
  }
  return digest
}
