import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { parseReference } from '../../../src/images/reference.ts'
import { RegistryClient } from '../../../src/images/registry/registry-client.ts'
import { registryAccount, startRegistry, type TestRegistry } from '../../support/registry.ts'

const env = { HOME: '/nonexistent', PATH: process.env.PATH }

let registry: TestRegistry
let client: RegistryClient

beforeAll(async () => {
  registry = await startRegistry()
  client = new RegistryClient({ env })
})

afterAll(async () => {
  await client[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
})

const descriptorOf = (bytes: Buffer) => ({
  mediaType: 'application/octet-stream',
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  size: bytes.length,
})

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** Cut in chunks that fit no boundary. */
const open = (bytes: Buffer) => () =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, at) => bytes.subarray(at * 1000, at * 1000 + 1000)),
  )

const named = (name: string) => parseReference(`${registry.host}/${name}`)

async function pushImage(name: string, to: RegistryClient = client, reference = named(name)): Promise<Buffer> {
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }),
  )
  await to.pushBlob(reference, descriptorOf(config), open(config))
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { ...descriptorOf(config), mediaType: mediaTypes.ociConfig },
      layers: [],
    }),
  )
  await to.putManifest(reference, manifest, mediaTypes.ociManifest)
  return manifest
}

describe('a real registry', () => {
  test.each([
    ['empty', 0, undefined],
    ['whole', 300_000, undefined],
    ['in chunks', 300_000, 70_000],
    ['in chunks that come out even', 300_000, 100_000],
  ])('takes a blob %s, and gives it back from any offset', async (_, size, chunkSize) => {
    const bytes = randomBytes(size)
    const descriptor = descriptorOf(bytes)
    const reference = named('blobs/one')
    const seen: number[] = []
    expect(await client.hasBlob(reference, descriptor)).toBe(false)
    expect(
      await client.pushBlob(reference, descriptor, open(bytes), { chunkSize, onProgress: (done) => seen.push(done) }),
    ).toBe('uploaded')
    expect(seen.at(-1) ?? 0).toBe(size)
    expect(await client.hasBlob(reference, descriptor)).toBe(true)
    expect(await client.pushBlob(reference, descriptor, open(bytes))).toBe('exists')
    for (const offset of [0, 1, 65_536, size - 1, size].filter((each) => each >= 0 && each <= size)) {
      const read = await collect(await client.openBlob(reference, descriptor, { offset }))
      expect(read.equals(bytes.subarray(offset))).toBe(true)
    }
  })

  test('mounts a blob from another repository, or takes it where that does not have it', async () => {
    const bytes = randomBytes(5000)
    const descriptor = descriptorOf(bytes)
    await client.pushBlob(named('mount/from'), descriptor, open(bytes))
    expect(await client.pushBlob(named('mount/to'), descriptor, open(bytes), { mountFrom: 'mount/from' })).toBe(
      'mounted',
    )
    expect(await client.pushBlob(named('mount/other'), descriptor, open(bytes), { mountFrom: 'mount/nothing' })).toBe(
      'uploaded',
    )
  })

  test('takes a manifest by tag, and gives it by tag and by digest', async () => {
    const bytes = await pushImage('team/app:1.0')
    const byTag = await client.getManifest(named('team/app:1.0'))
    expect(byTag.bytes.equals(bytes)).toBe(true)
    expect(byTag).toMatchObject({ mediaType: mediaTypes.ociManifest, digest: descriptorOf(bytes).digest })
    const byDigest = await client.getManifest(named(`team/app@${byTag.digest}`))
    expect(byDigest.digest).toBe(byTag.digest)
  })

  test('lists tags and images over several pages, and finds images by a part of their name', async () => {
    for (let at = 0; at < 3; at++) await pushImage(`paged/app:v${at}`)
    expect((await client.listTags(named('paged/app'))).sort()).toEqual(['v0', 'v1', 'v2'])
    await Promise.all(Array.from({ length: 105 }, (_, at) => pushImage(`many/n${at}`)))
    const names = await client.catalog(registry.host)
    expect(names.filter((name) => name.startsWith('many/'))).toHaveLength(105)
    expect(await client.search(`${registry.host}/N10`)).toEqual(
      ['n10', 'n100', 'n101', 'n102', 'n103', 'n104'].map((name) => ({
        name: `${registry.host}/many/${name}`,
        description: '',
        stars: 0,
        official: false,
      })),
    )
    expect(await client.search(`${registry.host}/many/`, { limit: 7 })).toHaveLength(7)
  })

  test('an image that is not there is an error that says what the registry said', async () => {
    await expect(client.getManifest(named('none/such:1'))).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      phase: 'pull',
      message: expect.stringMatching(
        /^Cannot pull ".*none\/such:1": http:\/\/127.*: it answered 404 Not Found \(MANIFEST_UNKNOWN: /,
      ),
      hint: expect.stringContaining('Check the name'),
    })
    const missing = descriptorOf(Buffer.from('x'))
    await expect(client.openBlob(named('none/such'), missing)).rejects.toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' })
  })

  test('a mirror serves plain names, for search too', async () => {
    const through = new RegistryClient({ env: { ...env, AIRPLANT_REGISTRY_MIRROR: registry.url } })
    try {
      await pushImage('library/mirrored:1')
      expect((await through.getManifest(parseReference('mirrored:1'))).mediaType).toBe(mediaTypes.ociManifest)
    } finally {
      await through[Symbol.asyncDispose]()
    }
  })
})

describe('a real registry with accounts', () => {
  test('lets in who has the password', async () => {
    await using locked = await startRegistry({ auth: true })
    const DOCKER_AUTH_CONFIG = JSON.stringify({
      auths: {
        [locked.host]: {
          auth: Buffer.from(`${registryAccount.username}:${registryAccount.password}`).toString('base64'),
        },
      },
    })
    await using known = new RegistryClient({ env: { ...env, DOCKER_AUTH_CONFIG } })
    const reference = parseReference(`${locked.host}/private/app:1`)
    const bytes = await pushImage('', known, reference)
    expect((await known.getManifest(reference)).bytes.equals(bytes)).toBe(true)
    expect(await known.search(`${locked.host}/app`)).toHaveLength(1)

    await using stranger = new RegistryClient({ env })
    await expect(stranger.getManifest(reference)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_AUTH',
      hint: expect.stringContaining(`airplant login ${locked.host}`),
    })
    const wrong = { [locked.host]: { auth: Buffer.from('tester:wrong').toString('base64') } }
    await using mistaken = new RegistryClient({ env: { ...env, DOCKER_AUTH_CONFIG: JSON.stringify({ auths: wrong }) } })
    const error: unknown = await mistaken.getManifest(reference).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_AUTH', message: expect.stringContaining('DOCKER_AUTH_CONFIG') })
    expect(String(error)).not.toContain('wrong')
  })
})
