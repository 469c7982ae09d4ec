import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { startHostileRegistry, type Script } from '../../support/hostile-registry.ts'
import { digestOf, named, quickClient, someManifest, thrownBy } from './hostile-client.ts'

/** The error of a pull from a registry with these answers, and the requests that it got. */
async function failure(script: Script, name?: string) {
  await using registry = await startHostileRegistry(script)
  await using client = quickClient()
  const error = await thrownBy(client.getManifest(named(registry.host, name)))
  return { error: error as Error, requests: registry.requests }
}

const type = mediaTypes.ociManifest

test.each([
  [401, 'ERR_REGISTRY_AUTH', 1],
  [403, 'ERR_REGISTRY_AUTH', 1],
  [404, 'ERR_IMAGE_NOT_FOUND', 1],
  [418, 'ERR_REGISTRY_ANSWER', 1],
  [408, 'ERR_REGISTRY_ANSWER', 5],
  [425, 'ERR_REGISTRY_ANSWER', 5],
  [429, 'ERR_RATE_LIMITED', 5],
  [500, 'ERR_REGISTRY_ANSWER', 5],
  [502, 'ERR_REGISTRY_ANSWER', 5],
  [503, 'ERR_REGISTRY_ANSWER', 5],
  [504, 'ERR_REGISTRY_ANSWER', 5],
])('status %i is %s after %i tries', async (status, code, tries) => {
  const { error, requests } = await failure((_, response) => void response.writeHead(status).end())
  expect(error).toMatchObject({ code, phase: 'pull', hint: expect.stringMatching(/^[A-Z].*[^.]$/) })
  expect(error.message).toMatch(/^Cannot pull "127\.0\.0\.1:\d+\/team\/app:1": http:\/\/127\.0\.0\.1:\d+: it \w+/)
  expect(requests).toHaveLength(tries)
})

test('what passes is tried again, and the caller hears of it', async () => {
  await using registry = await startHostileRegistry((request, response, count) => {
    if (count === 0) return void request.socket.destroy()
    if (count === 1) return void response.writeHead(503).end('busy')
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(someManifest)
  })
  const retries: { reason: string; delay: number }[] = []
  await using client = quickClient({ onRetry: (retry) => retries.push(retry) })
  const { mediaType, digest } = await client.getManifest(named(registry.host))
  expect({ mediaType, digest }).toEqual({ mediaType: type, digest: digestOf(someManifest) })
  expect(retries.map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/^it broke the connection \(.*\)$/),
    'it answered 503 Service Unavailable (busy)',
  ])
})

test('Retry-After is kept to, in seconds and as a date, and too long a wait is told at once', async () => {
  const waits: number[] = []
  await using registry = await startHostileRegistry((_, response, count) => {
    const values = ['0', new Date(Date.now() - 60_000).toUTCString(), '7200']
    response
      .writeHead(429, { 'retry-after': values[count] })
      .end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}')
  })
  await using client = quickClient({ onRetry: ({ delay }) => waits.push(delay) })
  const error = await thrownBy(client.getManifest(named(registry.host)))
  expect(waits).toEqual([0, 0])
  expect(error).toMatchObject({
    code: 'ERR_RATE_LIMITED',
    message: expect.stringContaining('(TOOMANYREQUESTS: slow), and asks to wait 2 hours'),
  })
})

test('an abort ends the wait for the next try', async () => {
  await using registry = await startHostileRegistry(
    (_, response) => void response.writeHead(503, { 'retry-after': '59' }).end(),
  )
  const stop = new AbortController()
  await using client = quickClient({ signal: stop.signal, onRetry: () => stop.abort(new Error('enough')) })
  const error = await thrownBy(client.getManifest(named(registry.host)))
  expect(error).toMatchObject({ code: 'ERR_ABORTED', cause: { message: 'enough' } })
})

test('a registry that does not answer is given up', async () => {
  await using registry = await startHostileRegistry(() => undefined)
  await using client = quickClient({ stallTimeout: 50 })
  const error = await thrownBy(client.getManifest(named(registry.host)))
  expect(error).toMatchObject({
    code: 'ERR_REGISTRY_UNREACHABLE',
    message: expect.stringContaining('it does not answer (no answer came within 0.05 s)'),
  })
})

test('an abort ends a request that is not answered', async () => {
  const stop = new AbortController()
  await using registry = await startHostileRegistry(() => stop.abort())
  await using client = quickClient({ signal: stop.signal })
  expect(await thrownBy(client.getManifest(named(registry.host)))).toMatchObject({ code: 'ERR_ABORTED' })
})

test('an error that goes on for ever, or says what a terminal would obey, is shown short and plain', async () => {
  const { error } = await failure((_, response) => {
    response.writeHead(404, { 'content-type': 'text/plain' })
    const more = (): void => {
      while (!response.destroyed && response.write(`\u001b[2J\u202e${'x'.repeat(10_000)}`));
      response.once('drain', more)
    }
    more()
  })
  expect(error.message).toMatch(/404 Not Found \(\[2J x{200,300}…\)/)
  expect(error.message).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(error.message.length).toBeLessThan(700)
})

test.each([
  [
    'a page',
    'text/html; charset=utf-8',
    '<html>Log in to the hotel</html>',
    'ERR_REGISTRY_ANSWER',
    /media type "text\/html"/,
  ],
  ['no type', undefined, someManifest, 'ERR_REGISTRY_ANSWER', /without a media type/],
  ['schema 1', mediaTypes.dockerSchema1Signed, '{}', 'ERR_INVALID_IMAGE', /schema 1/],
])('a manifest with the wrong media type is refused: %s', async (_, contentType, body, code, message) => {
  const { error, requests } = await failure((__, response) => {
    response.writeHead(200, contentType === undefined ? {} : { 'content-type': contentType }).end(body)
  })
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  expect(requests).toHaveLength(1)
  expect(requests[0]!.headers.accept).toContain(mediaTypes.dockerList)
})

test.each([
  ['another one than was asked for', {}, `team/app@sha256:${'0'.repeat(64)}`, 'ERR_DIGEST_MISMATCH'],
  [
    'another one than its header says',
    { 'docker-content-digest': `sha256:${'1'.repeat(64)}` },
    undefined,
    'ERR_DIGEST_MISMATCH',
  ],
  ['a path for a digest', { 'docker-content-digest': 'sha256:../../x' }, undefined, 'ERR_REGISTRY_ANSWER'],
  ['a packed one', { 'content-encoding': 'gzip' }, undefined, 'ERR_REGISTRY_ANSWER'],
  ['one too long by its header', { 'content-length': '99999999' }, undefined, 'ERR_REGISTRY_ANSWER'],
])('a wrong manifest is refused: %s', async (_, headers, name, code) => {
  const { error } = await failure((__, response) => {
    response.writeHead(200, { 'content-type': type, ...headers }).write(someManifest)
    if (!('content-length' in headers)) response.end()
  }, name)
  expect(error).toMatchObject({ code })
})

test('a manifest that never ends is not read to its end', async () => {
  let sent = 0
  const { error } = await failure((_, response) => {
    response.writeHead(200, { 'content-type': type })
    const chunk = Buffer.alloc(65_536, ' ')
    const more = (): void => {
      do sent += chunk.length
      while (!response.destroyed && response.write(chunk))
      response.once('drain', more)
    }
    more()
  })
  expect(error).toMatchObject({
    code: 'ERR_REGISTRY_ANSWER',
    message: expect.stringContaining('more than 4194304 bytes'),
  })
  expect(sent).toBeLessThan(64 * 1024 ** 2)
})

test.each([
  ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
])('a server that is none of HTTP is an answer that breaks the protocol: %s', async (_, answer) => {
  const server = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.write(answer)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using client = quickClient()
  const error = await thrownBy(client.getManifest(named(`127.0.0.1:${(server.address() as AddressInfo).port}`)))
  server.close()
  expect(error).toMatchObject({
    code: 'ERR_REGISTRY_ANSWER',
    message: expect.stringContaining('as a web server should'),
  })
})
