import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { startCuttingWire, startHostileRegistry, type Script } from '../../support/hostile-registry.ts'
import { startRegistry, type TestRegistry } from '../../support/registry.ts'
import { collect, descriptorOf, digestOf, named, quickClient, someManifest, thrownBy } from './hostile-client.ts'

let real: TestRegistry
beforeAll(async () => (real = await startRegistry()))
afterAll(() => real[Symbol.asyncDispose]())

const streamed = (bytes: Buffer) => () =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / 9999) }, (_, at) => bytes.subarray(at * 9999, (at + 1) * 9999)),
  )

describe('a real registry behind a wire that is cut', () => {
  // Headers of a request are about 350 bytes.
  test.each([
    ['whole', undefined, [100, 400, 500, 5000, 100_000]],
    ['in chunks', 40_000, [100, 400, 500, 5000, 30_000, 41_000, 60_000]],
  ])('takes a blob %s', async (_, chunkSize, cuts) => {
    for (const up of cuts) {
      const blob = randomBytes(150_000)
      const descriptor = descriptorOf(blob)
      await using wire = await startCuttingWire(real.host, (count) =>
        [1, 2, 4, 5, 7].includes(count) ? { up } : undefined,
      )
      await using client = quickClient()
      const reference = named(wire.host, 'cut/app:1')
      expect(await client.pushBlob(reference, descriptor, streamed(blob), { chunkSize })).toBe('uploaded')
      await using reader = quickClient()
      const read = await collect(await reader.openBlob(named(real.host, 'cut/app'), descriptor))
      expect(read.equals(blob)).toBe(true)
    }
  })

  test('takes a blob whose answers get lost', async () => {
    for (const down of [0, 10, 200]) {
      const blob = randomBytes(100_000)
      await using wire = await startCuttingWire(real.host, (count) => (count % 2 === 0 ? { down } : undefined))
      await using client = quickClient()
      const reference = named(wire.host, 'lost/app:1')
      await client.pushBlob(reference, descriptorOf(blob), streamed(blob), { chunkSize: 40_000 })
      await using reader = quickClient()
      expect(await reader.hasBlob(named(real.host, 'lost/app'), descriptorOf(blob))).toBe(true)
    }
  })
})

describe('a registry that', () => {
  const blob = randomBytes(100_000)
  const descriptor = descriptorOf(blob)

  /** Has nothing, begins uploads, and takes what the script does not answer. */
  const upload =
    (script: Script): Script =>
    (request, response, count) => {
      if (request.method === 'HEAD') return void response.writeHead(404).end()
      if (request.method === 'POST') return void response.writeHead(202, { location: '/upload/1?state=a%2Bb' }).end()
      return script(request, response, count)
    }

  const push = async (script: Script, options: { chunkSize?: number; bytes?: Buffer } = {}) => {
    await using registry = await startHostileRegistry(script)
    await using client = quickClient()
    const open = streamed(options.bytes ?? blob)
    const result = await client
      .pushBlob(named(registry.host), descriptor, open, options)
      .catch((error: unknown) => error)
    return { result, requests: registry.requests }
  }

  test('finds whole blobs too large gets chunks', async () => {
    const { result, requests } = await push(
      upload((request, response) => {
        request.resume().on('end', () => {
          const isWhole = request.method === 'PUT' && request.headers['content-length'] !== '0'
          response.writeHead(isWhole ? 413 : request.method === 'PUT' ? 201 : 202, { location: '/upload/2' }).end()
        })
      }),
    )
    expect(result).toBe('uploaded')
    expect(requests.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'PUT', 'POST', 'PATCH', 'PUT'])
    expect(requests[2]!.url).toBe(`/upload/1?state=a%2Bb&digest=${encodeURIComponent(descriptor.digest)}`)
    expect(requests[4]!.headers).toMatchObject({ 'content-range': '0-99999', 'content-length': '100000' })
    expect(requests[5]!.url).toContain('/upload/2?digest=')
  })

  test('knows no chunks gets the blob whole', async () => {
    const { result, requests } = await push(
      upload((request, response) => {
        request.resume().on('end', () => response.writeHead(request.method === 'PATCH' ? 405 : 201).end())
      }),
      { chunkSize: 10_000 },
    )
    expect(result).toBe('uploaded')
    expect(requests.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'PATCH', 'POST', 'PUT'])
  })

  test('kept part of a cut chunk gets only the rest', async () => {
    let stored = Buffer.alloc(0)
    let patches = 0
    const { result, requests } = await push(
      upload((request, response) => {
        const answer = (status: number) => {
          const range = `0-${Math.max(stored.length - 1, 0)}`
          response.writeHead(status, { location: `/upload/${stored.length}`, range }).end()
        }
        if (request.method === 'GET') return answer(204)
        const isCut = request.method === 'PATCH' && patches++ === 1
        request.on('data', (chunk: Buffer) => {
          stored = Buffer.concat([stored, isCut ? chunk.subarray(0, 7777) : chunk])
          if (isCut) request.socket.destroy()
        })
        request.on('end', () => answer(request.method === 'PATCH' ? 202 : 201))
      }),
      { chunkSize: 40_000 },
    )
    expect(result).toBe('uploaded')
    expect(stored.equals(blob)).toBe(true)
    expect(requests.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers['content-range'])).toEqual([
      '0-39999',
      '40000-79999',
      '47777-87776',
      '87777-99999',
    ])
    expect(requests.find(({ method }) => method === 'GET')?.url).toBe('/upload/40000')
  })

  test.each([
    ['goes backwards', '0-0'],
    ['has more than was sent', '0-500000'],
  ])('%s is not followed', async (_, range) => {
    const { result } = await push(
      upload((request, response) => {
        request.resume().on('end', () => response.writeHead(202, { location: '/upload/1', range }).end())
      }),
      { chunkSize: 10_000 },
    )
    expect(result).toMatchObject({ code: 'ERR_REGISTRY_ANSWER', phase: 'push' })
  })

  test('does not say where to upload to is not understood', async () => {
    const { result } = await push((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 404 : 202).end()
    })
    expect(result).toMatchObject({ code: 'ERR_REGISTRY_ANSWER', message: expect.stringContaining('where to upload') })
  })

  test('sends uploads elsewhere sees no credentials there', async () => {
    await using elsewhere = await startHostileRegistry((request, response) => {
      request.resume().on('end', () => response.writeHead(201).end())
    })
    await using registry = await startHostileRegistry((request, response) => {
      if (!request.headers.authorization) return void response.writeHead(401, { 'www-authenticate': 'Basic' }).end()
      if (request.method === 'HEAD') return void response.writeHead(404).end()
      response.writeHead(202, { location: `${elsewhere.url}/bucket?signature=1` }).end()
    })
    await using client = quickClient({
      findCredentials: async () => ({ kind: 'password', username: 'me', password: 'x', source: 'a test' }),
    })
    expect(await client.pushBlob(named(registry.host), descriptor, streamed(blob))).toBe('uploaded')
    expect(elsewhere.requests).toHaveLength(1)
    expect(elsewhere.requests[0]!.headers).not.toHaveProperty('authorization')
  })

  test('does not let us push says so', async () => {
    const { result } = await push((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 404 : 403).end('{"errors":[{"code":"DENIED","message":"no"}]}')
    })
    expect(result).toMatchObject({
      code: 'ERR_REGISTRY_AUTH',
      phase: 'push',
      message: expect.stringContaining('(DENIED: no)'),
      hint: expect.stringContaining('may push'),
    })
  })

  test('gets a blob that became shorter is left alone', async () => {
    const { result } = await push(
      upload((request, response) => request.resume().on('end', () => response.writeHead(201).end()) && undefined),
      { bytes: blob.subarray(0, 50_000) },
    )
    expect(result).toMatchObject({ code: 'ERR_DIGEST_MISMATCH', message: expect.stringContaining('only 50000 bytes') })
  })

  test('takes a manifest as another one is not believed', async () => {
    await using registry = await startHostileRegistry((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }).end()
      })
    })
    await using client = quickClient()
    const put = client.putManifest(named(registry.host), someManifest, mediaTypes.ociManifest)
    expect(await thrownBy(put)).toMatchObject({ code: 'ERR_DIGEST_MISMATCH' })
  })
})

test('a manifest is put under its tag or its own digest only', async () => {
  await using registry = await startHostileRegistry((request, response) => {
    request.resume().on('end', () => response.writeHead(201).end())
  })
  await using client = quickClient()
  const digest = digestOf(someManifest)
  expect(await client.putManifest(named(registry.host), someManifest, mediaTypes.ociManifest)).toBe(digest)
  expect(
    await client.putManifest(named(registry.host, `team/app:1@${digest}`), someManifest, mediaTypes.ociManifest),
  ).toBe(digest)
  expect(registry.requests.map(({ url }) => url)).toEqual([
    '/v2/team/app/manifests/1',
    `/v2/team/app/manifests/${digest}`,
  ])
  const other = named(registry.host, `team/app@sha256:${'0'.repeat(64)}`)
  const error = await thrownBy(client.putManifest(other, someManifest, mediaTypes.ociManifest))
  expect(error).toMatchObject({ code: 'ERR_DIGEST_MISMATCH' })
})
