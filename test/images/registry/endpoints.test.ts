import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { parseReference } from '../../../src/images/reference.ts'
import type { RegistriesConfig } from '../../../src/images/registry/registries-config.ts'
import { noRegistriesConfig } from '../../../src/images/registry/registries-config.ts'
import { startHostileRegistry, type Script } from '../../support/hostile-registry.ts'
import { named, quickClient, someManifest, thrownBy } from './hostile-client.ts'

const hasIt: Script = (_, response) => {
  response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(someManifest)
}
const status =
  (code: number): Script =>
  (_, response) =>
    void response.writeHead(code).end()

/** Settings of a registry with mirrors, both by address. */
const configured = (mirrors: readonly string[], location: string, prefix = 'docker.io'): RegistriesConfig => {
  const place = (url: string) => ({
    scheme: 'http' as const,
    host: new URL(url).host,
    path: new URL(url).pathname.slice(1),
  })
  const settings = { prefix, source: 'a test', insecure: false, blocked: false, location: place(location) }
  const places = mirrors.map((url) => ({ location: place(url), digestOnly: false, insecure: false }))
  return { ...noRegistriesConfig, registries: [{ ...settings, mirrors: places }] }
}

const down = 'http://127.0.0.1:1'
const nginx = parseReference('nginx:1')

describe('mirrors', () => {
  test('are asked first, by the names that things have there', async () => {
    await using mirror = await startHostileRegistry(hasIt)
    await using origin = await startHostileRegistry(hasIt)
    await using client = quickClient({ config: configured([`${mirror.url}/hub`], origin.url) })
    await client.getManifest(nginx)
    expect(mirror.requests.map(({ url }) => url)).toEqual(['/v2/hub/library/nginx/manifests/1'])
    expect(origin.requests).toEqual([])
  })

  test.each([
    ['does not have it', status(404)],
    ['lets nobody in', status(403)],
    ['is busy', status(429)],
    ['is broken', status(500)],
    ['cuts', (request) => void request.socket.destroy()],
    ['sends something else', (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    [
      'lies about it',
      (_, response) => {
        const headers = { 'content-type': mediaTypes.ociManifest, 'docker-content-digest': `sha256:${'0'.repeat(64)}` }
        response.writeHead(200, headers).end(someManifest)
      },
    ],
  ] as [string, Script][])('where one %s the registry is asked', async (_, script) => {
    await using mirror = await startHostileRegistry(script)
    await using origin = await startHostileRegistry(hasIt)
    await using client = quickClient({ config: configured([mirror.url], origin.url) })
    expect((await client.getManifest(nginx)).mediaType).toBe(mediaTypes.ociManifest)
    expect(mirror.requests.length).toBeLessThanOrEqual(2)
  })

  test('that are down are waited for once, and everybody who was asked is named in the error', async () => {
    let retries = 0
    await using origin = await startHostileRegistry(status(404))
    await using client = quickClient({ config: configured([down], origin.url), onRetry: () => retries++ })
    const error = await thrownBy(client.getManifest(nginx))
    expect(error).toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      message: expect.stringMatching(
        /^Cannot pull "docker\.io\/library\/nginx:1": http:\/\/127\.0\.0\.1:1: it refuses connections .*; http:\/\/127\.0\.0\.1:\d+: it answered 404 Not Found\n/,
      ),
    })
    expect(retries).toBe(1)
    await thrownBy(client.getManifest(nginx))
    expect(retries).toBe(1)
  })

  test('are not pushed to', async () => {
    await using mirror = await startHostileRegistry(status(500))
    await using origin = await startHostileRegistry((request, response) => {
      request.resume().on('end', () => response.writeHead(201).end())
    })
    await using client = quickClient({ config: configured([mirror.url], origin.url) })
    await client.putManifest(nginx, someManifest, mediaTypes.ociManifest)
    expect(mirror.requests).toEqual([])
  })

  test('get none of the credentials of the registry', async () => {
    const asked: string[] = []
    await using mirror = await startHostileRegistry(
      (_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic' }).end(),
    )
    await using client = quickClient({
      config: configured([mirror.url], down),
      findCredentials: async (registry) => {
        asked.push(registry)
        return undefined
      },
    })
    await thrownBy(client.getManifest(nginx))
    expect(asked).toEqual([mirror.host])
  })
})

test('without a network the error says whom it asked, and what to do', async () => {
  const error = await thrownBy(quickClient({ config: configured([down], 'http://127.0.0.1:2') }).getManifest(nginx))
  expect(error).toMatchObject({
    code: 'ERR_REGISTRY_UNREACHABLE',
    message: expect.stringMatching(
      /"docker\.io\/library\/nginx:1": http:\/\/127\.0\.0\.1:1: .*; http:\/\/127\.0\.0\.1:2: /,
    ),
    hint: expect.stringMatching(/AIRPLANT_REGISTRY_MIRROR/),
  })
})

describe('search', () => {
  test('asks what can search', async () => {
    const found = [
      { name: 'nginx', description: 'Serves\u001b[31m\nthings', star_count: 7, is_official: true },
      { name: 'me/nginx', description: null, star_count: 'many' },
      { name: '../evil' },
      null,
    ]
    await using origin = await startHostileRegistry(
      (_, response) => void response.end(JSON.stringify({ results: found })),
    )
    await using client = quickClient({ config: configured([], origin.url) })
    expect(await client.search('ng inx', { limit: 5 })).toEqual([
      { name: 'nginx', description: 'Serves [31m things', stars: 7, official: true },
      { name: 'me/nginx', description: '', stars: 0, official: false },
    ])
    expect(origin.requests[0]!.url).toBe('/v1/search?q=ng+inx&n=5')
  })

  test('looks into catalogs where nothing can search', async () => {
    await using origin = await startHostileRegistry((request, response) => {
      if (!request.url!.startsWith('/v2/_catalog')) return void response.writeHead(404).end()
      const repositories = ['hub/library/nginx', 'hub/me/nginx', 'other/nginx', 'hub/..', 7]
      response.end(JSON.stringify({ repositories }))
    })
    await using client = quickClient({ config: configured([], `${origin.url}/hub`) })
    expect((await client.search('nginx')).map(({ name, official }) => [name, official])).toEqual([
      ['nginx', true],
      ['me/nginx', false],
    ])
  })

  test.each([
    ['in a circle', (url: string) => `<${url}>; rel="next"`],
    ['elsewhere', () => '<http://127.0.0.1:1/v2/_catalog>; rel="next"'],
  ])('does not follow pages that go %s', async (_, link) => {
    await using registry = await startHostileRegistry((request, response) => {
      response.writeHead(200, { link: link(request.url!) }).end('{"repositories":["a"],"tags":["b"]}')
    })
    await using client = quickClient()
    expect(await thrownBy(client.catalog(registry.host))).toMatchObject({ code: 'ERR_REGISTRY_ANSWER' })
    expect(await thrownBy(client.listTags(named(registry.host)))).toMatchObject({ code: 'ERR_REGISTRY_ANSWER' })
    expect(registry.requests.length).toBeLessThanOrEqual(4)
  })
})

test('fake timers do not stop a pull, nor its tries', async () => {
  await using origin = await startHostileRegistry((request, response, count) => {
    if (count === 0) response.writeHead(503).end()
    else void hasIt(request, response, count)
  })
  await using client = quickClient({ config: configured([], origin.url) })
  vi.useFakeTimers()
  try {
    expect((await client.getManifest(nginx)).mediaType).toBe(mediaTypes.ociManifest)
  } finally {
    vi.useRealTimers()
  }
})

describe('a process', () => {
  const module = pathToFileURL(join(import.meta.dirname, '../../../dist/src/images/registry/registry-client.js')).href
  const run = (code: string) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', timeout: 10_000 })

  test('ends although a client was not disposed and its connection is idle', async () => {
    await using registry = await startHostileRegistry(hasIt)
    // The server is this process, which must not block.
    const { execFile } = await import('node:child_process')
    const began = performance.now()
    await new Promise<void>((resolve, reject) => {
      const code = `
        const { RegistryClient } = await import(${JSON.stringify(module)})
        const client = new RegistryClient({ env: {} })
        await client.getManifest({ registry: '${registry.host}', repository: 'a', tag: '1' })`
      const done = (error: Error | null) => (error ? reject(error) : resolve())
      execFile(process.execPath, ['--input-type=module', '-e', code], { timeout: 10_000 }, done)
    })
    expect(performance.now() - began).toBeLessThan(3500)
  })

  test('that only makes a client does not load undici, and its global dispatcher is left alone', () => {
    const code = `
      const { RegistryClient } = await import(${JSON.stringify(module)})
      const client = new RegistryClient({ env: {} })
      await client[Symbol.asyncDispose]()
      const { createRequire } = await import('node:module')
      const loaded = Object.keys(createRequire(${JSON.stringify(module)}).cache).filter((path) => path.includes('/undici/'))
      console.log(loaded.length, Object.getOwnPropertySymbols(globalThis).some((symbol) => String(symbol).includes('undici.globalDispatcher')))`
    expect(run(code)).toBe('0 false\n')
  })
})
