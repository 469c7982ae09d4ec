import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { errorOf } from '../../support/containers.ts'
import { startHostileRegistry } from '../../support/hostile-registry.ts'
import { imageOf, indexOf, served, type Intervention, type ServedImage } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench, type PullStore } from '../../support/pull-bench.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: PullBench
let to: PullStore
let before: readonly string[]

beforeAll(async () => {
  bench = await PullBench.start()
})
beforeEach(async () => {
  to = bench.fresh()
  await to.store.sweep()
  before = to.listing()
})
afterEach(() => {
  bench.registry.intervene = undefined
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const archives = ['lower', 'upper'].map((name) => tarArchive(tarFile(name, name.repeat(5000))))
const plain = imageOf(archives, { pack: (bytes) => ({ bytes, suffix: '' }) })

/** Pulls, and expects an error with all that one has to have, and nothing in the store. */
async function refused(name: string, code: string, message: RegExp): Promise<void> {
  const error = await errorOf(to.pull(name))
  expect({ code: error.code, message: error.message }).toEqual({
    code,
    message: expect.stringMatching(message) as string,
  })
  expect(error).toMatchObject({
    image: name,
    phase: expect.any(String) as string,
    elapsed: expect.any(Number) as number,
  })
  expect(error.hint).toMatch(/^[A-Z]/)
  expect(error.message.endsWith(`\nHint: ${error.hint}`)).toBe(true)
  expect(error.message.match(/Hint:/g)).toHaveLength(1)
  expect(to.listing()).toEqual(before)
  expect(await to.store.list()).toEqual([])
}

/** Answers requests for some paths in another way. */
function instead(part: string, answer: (response: ServerResponse) => void): Intervention {
  return ({ url = '' }, response) => {
    if (!url.includes(part)) return false
    answer(response)
    return true
  }
}

/** Other bytes of the same length. */
function flipped(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes)
  other[other.length >> 1]! ^= 1
  return other
}

describe('nothing is kept of an image', () => {
  test('whose manifest is not what its digest says', async () => {
    bench.registry.serve('bad/manifest:1', plain)
    const name = `${bench.registry.host}/bad/manifest@${plain.manifest.digest}`
    bench.registry.intervene = instead('/manifests/', (response) => {
      response.writeHead(200, { 'content-type': plain.manifest.mediaType }).end(flipped(plain.manifest.bytes))
    })
    await refused(name, 'ERR_DIGEST_MISMATCH', /manifest/)
  })

  test.each([
    ['configuration', () => plain.config],
    ['layer', () => plain.layers[1]!],
  ] as const)('whose %s is not what its digest says', async (_, blob) => {
    const name = bench.registry.serve('bad/blob:1', plain)
    const { digest, bytes } = blob()
    bench.registry.intervene = instead(digest, (response) => void response.writeHead(200).end(flipped(bytes)))
    await refused(name, 'ERR_DIGEST_MISMATCH', new RegExp(digest))
  })

  test.each([
    ['shorter', -1],
    ['longer', 1],
  ] as const)('whose layer is %s than announced', async (_, more) => {
    const name = bench.registry.serve('bad/size:1', plain)
    const { digest, bytes } = plain.layers[0]!
    bench.registry.intervene = instead(digest, (response) => {
      const other = more < 0 ? bytes.subarray(0, more) : Buffer.concat([bytes, Buffer.alloc(more)])
      response.writeHead(200, { 'content-length': other.length }).end(other)
    })
    await refused(name, 'ERR_DIGEST_MISMATCH', new RegExp(digest))
  })

  test('whose layer unpacks to something else than its configuration says', async () => {
    const made = imageOf(archives, {
      changeConfig: (config) =>
        Object.assign(config['rootfs']!, { diff_ids: ['1', '2'].map((x) => `sha256:${x.repeat(64)}`) }),
    })
    await refused(bench.registry.serve('bad/diff:1', made), 'ERR_DIGEST_MISMATCH', /uncompressed digest/)
  })

  test('with fewer diff IDs than layers', async () => {
    const made = imageOf(archives, {
      changeConfig: (config) => Object.assign(config['rootfs']!, { diff_ids: [`sha256:${'1'.repeat(64)}`] }),
    })
    await refused(bench.registry.serve('bad/count:1', made), 'ERR_INVALID_IMAGE', /2 layers and 1 diff IDs/)
  })

  test('whose layer is packed in another way than its media type says, or not at all', async () => {
    const wrong = imageOf(archives, { pack: (bytes) => ({ bytes: gzipSync(bytes), suffix: 'zstd' }) })
    await refused(bench.registry.serve('bad/packed:1', wrong), 'ERR_INVALID_IMAGE', /gzip/)
    const text = imageOf([Buffer.from('<html>Please log in</html>'.repeat(100))])
    await refused(bench.registry.serve('bad/packed:2', text), 'ERR_INVALID_ARCHIVE', /./)
    const cut = imageOf(archives, { pack: (bytes) => ({ bytes: gzipSync(bytes).subarray(0, -20), suffix: 'gzip' }) })
    await refused(bench.registry.serve('bad/packed:3', cut), 'ERR_INVALID_ARCHIVE', /./)
  })
})

describe('a document is refused', () => {
  const cases: readonly (readonly [string, (manifest: Record<string, unknown>) => void, RegExp])[] = [
    ['with both layers and manifests', (manifest) => (manifest['manifests'] = []), /layers/],
    [
      'with another media type than it is sent as',
      (manifest) => (manifest['mediaType'] = mediaTypes.dockerManifest),
      /sent as/,
    ],
    ['without layers', (manifest) => delete manifest['layers'], /layers/],
    ['of 2014', (manifest) => (manifest['schemaVersion'] = 1), /schema 1/],
    ['with a layer whose digest is a path', (manifest) => ((manifest['layers'] as { digest: string }[])[0]!.digest = 'sha256:../../../x'), /sha256:\.\.\/\.\.\/\.\.\/x/], // prettier-ignore
    ['with a configuration whose digest is a path', (manifest) => ((manifest['config'] as { digest: string }).digest = '../../../x'), /\.\.\/\.\.\/\.\.\/x/], // prettier-ignore
    [
      'with a layer larger than anybody has',
      (manifest) => ((manifest['layers'] as { size: number }[])[0]!.size = 2 ** 50),
      /size/,
    ],
    [
      'with an encrypted layer',
      (manifest) => ((manifest['layers'] as { mediaType: string }[])[0]!.mediaType += '+encrypted'),
      /encrypted/,
    ],
    ['of a signature', (manifest) => ((manifest['config'] as { mediaType: string }).mediaType = 'application/vnd.dev.sigstore'), /sigstore/], // prettier-ignore
  ]
  test.each(cases)('%s', async (_, change, message) => {
    const name = bench.registry.serve('bad/document:1', imageOf(archives, { change }))
    const asked = bench.registry.asked.length
    await refused(name, 'ERR_INVALID_IMAGE', message)
    expect(bench.registry.asked).toHaveLength(asked + 1)
  })

  test('that is no manifest by its media type', async () => {
    const page = served('text/html', Buffer.from('<html></html>'))
    await refused(bench.registry.serve('bad/type:1', page), 'ERR_REGISTRY_ANSWER', /media type "text\/html"/)
  })

  test('when an index leads to an index', async () => {
    const index = indexOf([
      { image: plain, platform: { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' } },
    ])
    const fake: ServedImage = { ...plain, manifest: index }
    const outer = indexOf([{ image: { ...fake, manifest: { ...index, mediaType: mediaTypes.ociManifest } }, platform: { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' } }]) // prettier-ignore
    await refused(bench.registry.serve('bad/index:1', outer, fake), 'ERR_INVALID_IMAGE', /another index/)
  })
})

test('addresses of foreign layers are never asked', async () => {
  await using elsewhere = await startHostileRegistry((_, response) => void response.end())
  const made = imageOf(archives, {
    change: (manifest) => {
      const [layer] = manifest['layers'] as { mediaType: string; urls?: string[] }[]
      layer!.mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
      layer!.urls = [`${elsewhere.url}/layer`]
    },
  })
  await refused(bench.registry.serve('bad/foreign:1', made), 'ERR_INVALID_IMAGE', /another host/)
  const listed = imageOf(archives, {
    change: (manifest) => ((manifest['layers'] as { urls?: string[] }[])[0]!.urls = [`${elsewhere.url}/layer`]),
  })
  await to.pull(bench.registry.serve('bad/foreign:2', listed))
  expect(elsewhere.requests).toEqual([])
})

test('a registry that answers with an error is told, for manifests and for blobs', async () => {
  const name = bench.registry.serve('bad/status:1', plain)
  const expected = [
    [401, 'ERR_REGISTRY_AUTH'],
    [403, 'ERR_REGISTRY_AUTH'],
    [404, 'ERR_IMAGE_NOT_FOUND'],
    [418, 'ERR_REGISTRY_ANSWER'],
  ] as const
  for (const [status, code] of expected) {
    for (const part of ['/manifests/', plain.layers[0]!.digest]) {
      bench.registry.intervene = instead(part, (response) => void response.writeHead(status).end())
      const error = await errorOf(bench.fresh().pull(name))
      expect(error).toMatchObject({ code, phase: 'pull', image: name })
      expect(error.message).toContain(status === 401 ? 'wants credentials' : String(status))
    }
  }
})

test('errors that may pass are tried again, and redirects are followed so far only', async () => {
  const name = bench.registry.serve('bad/passing:1', plain)
  const outcome = async (part: string, answer: (response: ServerResponse) => void): Promise<string> => {
    const at = part === '/manifests/' ? '/v2/bad/passing/manifests/' : plain.layers[0]!.digest
    bench.registry.intervene = instead(at, answer)
    const error = await errorOf(bench.fresh().pull(name))
    expect(error).toMatchObject({ image: name, phase: 'pull' })
    return error.code
  }
  const soon = { 'retry-after': '0' }
  const asked = bench.registry.asked.length
  expect(await outcome('/manifests/', (response) => void response.writeHead(429, soon).end())).toBe('ERR_RATE_LIMITED')
  expect(await outcome('/manifests/', (response) => void response.writeHead(500, soon).end())).toBe(
    'ERR_REGISTRY_ANSWER',
  )
  expect(bench.registry.asked.length).toBe(asked + 10)
  expect(await outcome('blob', (response) => void response.writeHead(500, soon).end())).toBe('ERR_REGISTRY_ANSWER')
  const late = { 'retry-after': '86400' }
  expect(await outcome('/manifests/', (response) => void response.writeHead(429, late).end())).toBe('ERR_RATE_LIMITED')
  const loop = { location: '/v2/bad/passing/manifests/1' }
  expect(await outcome('/manifests/', (response) => void response.writeHead(307, loop).end())).toBe(
    'ERR_REGISTRY_ANSWER',
  )
  expect(bench.registry.asked.length).toBeLessThan(asked + 60)
})
