import { beforeAll, describe, expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import type { Credentials } from '../../../src/images/registry/credentials/credentials.ts'
import { makeCertificate, startHostileRegistry, type TestCertificate } from '../../support/hostile-registry.ts'
import { collect, descriptorOf, named, quickClient, someManifest, thrownBy } from './hostile-client.ts'

const account: Credentials = { kind: 'password', username: 'me', password: 'secret', source: 'a test' }
const blob = Buffer.from('the blob')
const manifest = { 'content-type': mediaTypes.ociManifest }

let certificate: TestCertificate
beforeAll(() => (certificate = makeCertificate()))

test('a blob is fetched from another host, which gets no credentials, nor does the first one when that points back', async () => {
  await using elsewhere = await startHostileRegistry((request, response) => {
    if (request.url === '/back') response.writeHead(307, { location: `${registry.url}/cdn` }).end()
    else response.writeHead(302, { location: '/back' }).end()
  })
  await using registry = await startHostileRegistry((request, response) => {
    if (request.url === '/cdn') return void response.writeHead(200).end(blob)
    if (request.headers.authorization === undefined) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    }
    response.writeHead(307, { location: `${elsewhere.url}/store?signature=x` }).end()
  })
  await using client = quickClient({ findCredentials: async () => account })
  const read = await collect(await client.openBlob(named(registry.host), descriptorOf(blob)))
  expect(read.equals(blob)).toBe(true)
  expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([
    undefined,
    `Basic ${Buffer.from('me:secret').toString('base64')}`,
    undefined,
  ])
  expect(elsewhere.requests.map(({ url }) => url)).toEqual(['/store?signature=x', '/back'])
  for (const { headers } of elsewhere.requests) expect(headers).not.toHaveProperty('authorization')
  // The port is part of an origin, and the name in front of "@" is not sent either.
  expect(JSON.stringify(elsewhere.requests)).not.toMatch(/secret|bWU6/)
})

test('401 of another host is not answered with credentials', async () => {
  await using elsewhere = await startHostileRegistry((_, response) => {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="give me"' }).end()
  })
  await using registry = await startHostileRegistry((_, response) => {
    response.writeHead(302, { location: `${elsewhere.url}/x` }).end()
  })
  await using client = quickClient({ findCredentials: async () => account })
  const error = await thrownBy(client.getManifest(named(registry.host)))
  expect(error).toMatchObject({ code: 'ERR_REGISTRY_AUTH' })
  expect(elsewhere.requests).toHaveLength(1)
  expect(registry.requests).toHaveLength(1)
})

describe('refused:', () => {
  test.each([
    ['a circle of one', () => '/v2/team/app/manifests/1', /in a circle/],
    ['a circle of two', (url: string) => (url.endsWith('/a') ? '/b' : '/a'), /in a circle/],
    [
      'no end',
      (url: string) => `/${url.length}${'x'.repeat(url.length)}`.slice(0, 200),
      /more than 10 times|in a circle/,
    ],
    ['a file', () => 'file:///etc/passwd', /no address of the web/],
    ['another protocol', () => 'gopher://127.0.0.1/', /no address of the web/],
    ['nothing like an address', () => 'http://[', /no address of the web/],
  ])('%s', async (_, target, message) => {
    await using registry = await startHostileRegistry((request, response) => {
      response.writeHead(302, { location: target(request.url!) }).end()
    })
    await using client = quickClient()
    const error = await thrownBy(client.getManifest(named(registry.host)))
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_ANSWER', message: expect.stringMatching(message) })
    expect(registry.requests.length).toBeLessThanOrEqual(11)
  })

  test('from https to http', async () => {
    await using plain = await startHostileRegistry(
      (_, response) => void response.writeHead(200, manifest).end(someManifest),
    )
    await using registry = await startHostileRegistry(
      (_, response) => void response.writeHead(302, { location: `${plain.url}/x` }).end(),
      certificate,
    )
    await using client = quickClient()
    const error = await thrownBy(client.getManifest(named(registry.host)))
    expect(error).toMatchObject({
      code: 'ERR_REGISTRY_ANSWER',
      message: expect.stringContaining('from https to plain http'),
    })
    expect(plain.requests).toEqual([])
  })

  test('a certificate that nobody vouches for, on a host that only a redirect names', async () => {
    await using other = await startHostileRegistry(
      (_, response) => void response.writeHead(200, manifest).end(),
      certificate,
    )
    await using registry = await startHostileRegistry(
      (_, response) => void response.writeHead(302, { location: `${other.url}/x` }).end(),
      certificate,
    )
    await using client = quickClient()
    const error = await thrownBy(client.getManifest(named(registry.host)))
    expect(error).toMatchObject({
      code: 'ERR_REGISTRY_ANSWER',
      message: expect.stringContaining('certificate that is not trusted'),
      hint: expect.stringContaining('certs.d'),
    })
    expect(other.requests).toEqual([])
  })

  test('an upload to another host', async () => {
    await using elsewhere = await startHostileRegistry((_, response) => void response.writeHead(201).end())
    await using registry = await startHostileRegistry((_, response) => {
      response.writeHead(307, { location: `${elsewhere.url}/take` }).end()
    })
    await using client = quickClient({ findCredentials: async () => account })
    const error = await thrownBy(client.putManifest(named(registry.host), someManifest, mediaTypes.ociManifest))
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_ANSWER', phase: 'push' })
    expect(elsewhere.requests).toEqual([])
  })
})

test('a foreign layer is not fetched from the addresses of a manifest', async () => {
  await using registry = await startHostileRegistry((_, response) => void response.writeHead(404).end())
  await using client = quickClient()
  const layer = descriptorOf(blob, 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')
  const withUrls = { ...layer, urls: [`${registry.url}/elsewhere`] }
  const error = await thrownBy(client.openBlob(named(registry.host), withUrls))
  expect(error).toMatchObject({ code: 'ERR_INVALID_IMAGE', message: expect.stringContaining('foreign layer') })
  expect(registry.requests.map(({ url }) => url)).toEqual([`/v2/team/app/blobs/${layer.digest}`])
})
