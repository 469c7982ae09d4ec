import type { IncomingMessage } from 'node:http'
import { beforeAll, describe, expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import type { Credentials } from '../../../src/images/registry/credentials/credentials.ts'
import {
  makeCertificate,
  startHostileRegistry,
  type HostileRegistry,
  type Script,
  type TestCertificate,
} from '../../support/hostile-registry.ts'
import { collect, descriptorOf, named, quickClient, someManifest, thrownBy } from './hostile-client.ts'

const password: Credentials = { kind: 'password', username: 'me', password: 's:ecret', source: 'a test' }
const basic = `Basic ${Buffer.from('me:s:ecret').toString('base64')}`

let certificate: TestCertificate
beforeAll(() => (certificate = makeCertificate()))

const tokenServer =
  (answer: object | string = { token: 'good' }, status = 200): Script =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  }

/** Lets in who has the token, and sends others to the realm. */
const guarded = (
  realm: () => string,
  accepts = (authorization?: string): boolean => authorization === 'Bearer good',
): Script => {
  return (request, response) => {
    if (accepts(request.headers.authorization)) {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(someManifest)
    } else {
      const scope = 'repository:team/app:pull'
      const challenge = `Bearer realm="${realm()}",service="the service",scope="${scope}",error="invalid_token"`
      response
        .writeHead(401, { 'www-authenticate': challenge })
        .end('{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}')
    }
  }
}

const pull = async (registry: HostileRegistry, credentials?: Credentials) => {
  await using client = quickClient({ findCredentials: async () => credentials })
  return await client.getManifest(named(registry.host))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

describe('a token is asked for', () => {
  test('without credentials, once for all requests', async () => {
    await using tokens = await startHostileRegistry(tokenServer())
    await using registry = await startHostileRegistry(guarded(() => `${tokens.url}/token?x=y`))
    await using client = quickClient()
    await client.getManifest(named(registry.host))
    await Promise.all([1, 2, 3].map(() => client.getManifest(named(registry.host))))
    expect(tokens.requests).toHaveLength(1)
    const { method, url, headers } = tokens.requests[0]!
    expect(method).toBe('GET')
    expect(Object.fromEntries(new URL(url, tokens.url).searchParams)).toEqual({
      x: 'y',
      service: 'the service',
      scope: 'repository:team/app:pull',
      client_id: 'airplant',
    })
    expect(headers).not.toHaveProperty('authorization')
    expect(registry.requests).toHaveLength(5)
  })

  test('with a password, which the registry does not see', async () => {
    await using tokens = await startHostileRegistry(tokenServer({ access_token: 'good' }))
    await using registry = await startHostileRegistry(guarded(() => `${tokens.url}/token`))
    await pull(registry, password)
    expect(tokens.requests[0]!.headers.authorization).toBe(basic)
    expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer good'])
  })

  test('with an identity token, by a form', async () => {
    let form = ''
    await using tokens = await startHostileRegistry(async (request, response) => {
      form = await bodyOf(request)
      response.end('{"access_token":"good"}')
    })
    await using registry = await startHostileRegistry(guarded(() => `${tokens.url}/token`))
    await pull(registry, { kind: 'identity-token', token: 'refresh & me', source: 'a test' })
    expect(tokens.requests[0]).toMatchObject({ method: 'POST', url: '/token' })
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh & me',
      service: 'the service',
      scope: 'repository:team/app:pull',
      client_id: 'airplant',
    })
  })

  test('by nobody who has one for the registry', async () => {
    await using registry = await startHostileRegistry(guarded(() => 'http://127.0.0.1:1/'))
    await pull(registry, { kind: 'registry-token', token: 'good', source: 'a test' })
    expect(registry.requests).toHaveLength(2)
  })

  test('again when it is no longer accepted, and then no more', async () => {
    let round = 0
    await using tokens = await startHostileRegistry((_, response) => void response.end(`{"token":"number${++round}"}`))
    await using registry = await startHostileRegistry(
      guarded(
        () => `${tokens.url}/`,
        (authorization) => authorization === 'Bearer number2',
      ),
    )
    await pull(registry)
    expect(round).toBe(2)
    const error = await thrownBy(pull(registry))
    expect(round).toBe(4)
    expect(error).toMatchObject({
      code: 'ERR_REGISTRY_AUTH',
      message: expect.stringContaining('private, or does not exist'),
    })
  })

  test('again when it has expired', async () => {
    await using tokens = await startHostileRegistry(tokenServer({ token: 'good', expires_in: 0.05 }))
    await using registry = await startHostileRegistry(guarded(() => `${tokens.url}/`))
    await using client = quickClient()
    await client.getManifest(named(registry.host))
    const end = performance.now() + 60
    while (performance.now() < end) await client.getManifest(named(registry.host))
    expect(tokens.requests.length).toBeGreaterThan(1)
  })

  test('again when the token server was busy', async () => {
    await using tokens = await startHostileRegistry((request, response, count) => {
      if (count < 2) response.writeHead(503).end()
      else void tokenServer()(request, response, count)
    })
    await using registry = await startHostileRegistry(guarded(() => `${tokens.url}/`))
    await pull(registry)
    expect(tokens.requests).toHaveLength(3)
  })
})

describe('a realm is refused', () => {
  test.each(['file:///etc/passwd', 'http://u:p@127.0.0.1/', 'javascript:1', 'http://['])('%s', async (realm) => {
    await using registry = await startHostileRegistry(guarded(() => realm))
    expect(await thrownBy(pull(registry, password))).toMatchObject({
      code: 'ERR_REGISTRY_ANSWER',
      message: expect.stringContaining('no address of one'),
    })
  })

  test('that is plain http where the registry is https', async () => {
    await using registry = await startHostileRegistry(
      guarded(() => 'http://token.example/'),
      certificate,
    )
    const error = await thrownBy(pull(registry, password))
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_AUTH', message: expect.stringContaining('by plain http') })
  })

  test('after it redirects a password elsewhere: that host sees none', async () => {
    await using elsewhere = await startHostileRegistry(tokenServer({ token: 'good' }))
    await using tokens = await startHostileRegistry(
      (_, response) => void response.writeHead(307, { location: `${elsewhere.url}/t` }).end(),
    )
    await using registry = await startHostileRegistry(guarded(() => `${tokens.url}/`))
    await pull(registry, password)
    expect(tokens.requests[0]!.headers.authorization).toBe(basic)
    expect(elsewhere.requests[0]!.headers).not.toHaveProperty('authorization')
    const identity: Credentials = { kind: 'identity-token', token: 'refresh', source: 'a test' }
    expect(await thrownBy(pull(registry, identity))).toMatchObject({ code: 'ERR_REGISTRY_ANSWER' })
    expect(elsewhere.requests).toHaveLength(1)
  })
})

describe('a token server that', () => {
  test.each([
    [
      'refuses the password',
      '{"details":"incorrect username or password"}',
      401,
      'ERR_REGISTRY_AUTH',
      /credentials of a test: 401.*incorrect/,
    ],
    ['is not there', '', 404, 'ERR_REGISTRY_ANSWER', /answered 404/],
    ['gives no JSON', '<html>', 200, 'ERR_REGISTRY_ANSWER', /no usable token/],
    ['gives no token', '{}', 200, 'ERR_REGISTRY_ANSWER', /no usable token/],
    ['gives null', 'null', 200, 'ERR_REGISTRY_ANSWER', /no usable token/],
    ['gives a header', '{"token":"a\\r\\nx: y"}', 200, 'ERR_REGISTRY_ANSWER', /no usable token/],
    ['gives a very long one', `{"token":"${'a'.repeat(100_000)}"}`, 200, 'ERR_REGISTRY_ANSWER', /no usable token/],
    [
      'gives more than anybody reads',
      `{"token":"${'a'.repeat(1_000_000)}"}`,
      200,
      'ERR_REGISTRY_ANSWER',
      /no usable token/,
    ],
  ])('%s', async (_, body, status, code, message) => {
    await using tokens = await startHostileRegistry(tokenServer(body, status))
    await using registry = await startHostileRegistry(guarded(() => `${tokens.url}/`))
    const error = await thrownBy(pull(registry, password))
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), hint: expect.any(String) })
    expect(String(error)).not.toContain('ecret')
  })

  test('cannot be reached', async () => {
    await using registry = await startHostileRegistry(guarded(() => 'http://127.0.0.1:1/token'))
    expect(await thrownBy(pull(registry, password))).toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      message: expect.stringContaining('its token server 127.0.0.1:1 refuses connections'),
    })
  })
})

test.each(['Negotiate', 'Bearer service="no realm"', '', 'Digest realm="x", nonce="y"'])(
  'nobody knows how to answer "%s"',
  async (challenge) => {
    await using registry = await startHostileRegistry(
      (_, response) => void response.writeHead(401, challenge === '' ? {} : { 'www-authenticate': challenge }).end(),
    )
    const error = await thrownBy(pull(registry, password))
    expect(error).toMatchObject({
      code: 'ERR_REGISTRY_AUTH',
      hint: expect.stringContaining('airplant login 127.0.0.1'),
    })
    expect(registry.requests).toHaveLength(1)
  },
)

test('each registry has credentials of its own, which are looked up only where wanted', async () => {
  const asked: string[] = []
  const blob = Buffer.from('x')
  await using open = await startHostileRegistry((_, response) => void response.end(blob))
  await using client = quickClient({
    findCredentials: async (registry, repository) => {
      asked.push(`${registry} ${repository}`)
      return password
    },
  })
  await collect(await client.openBlob(named(open.host), descriptorOf(blob)))
  expect(asked).toEqual([])
  await using locked = await startHostileRegistry((request, response) => {
    if (request.headers.authorization === basic) response.end(blob)
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
  })
  await collect(await client.openBlob(named(locked.host), descriptorOf(blob)))
  await collect(await client.openBlob(named(locked.host), descriptorOf(blob)))
  expect(asked).toEqual([`${locked.host} team/app`])
  expect(locked.requests).toHaveLength(3)
  expect(open.requests[0]!.headers).not.toHaveProperty('authorization')
})
