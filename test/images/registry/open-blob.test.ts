import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { startCuttingWire, startHostileRegistry, type Script } from '../../support/hostile-registry.ts'
import { startRegistry } from '../../support/registry.ts'
import { collect, descriptorOf, named, quickClient, thrownBy } from './hostile-client.ts'

const blob = randomBytes(10_000)
const descriptor = descriptorOf(blob)

/** Where a request wants to begin. */
const startOf = (range: string | undefined) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)

/** Serves the blob by ranges, and lets the script spoil some answers. */
const ranged =
  (spoil: (count: number) => Script | undefined): Script =>
  (request, response, count) => {
    const spoilt = spoil(count)
    if (spoilt) return spoilt(request, response, count)
    const start = startOf(request.headers.range)
    if (request.headers.range === undefined) return void response.writeHead(200).end(blob)
    response
      .writeHead(206, { 'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}` })
      .end(blob.subarray(start))
  }

async function read(script: Script, offset = 0) {
  await using registry = await startHostileRegistry(script)
  await using client = quickClient({ stallTimeout: 200 })
  const bytes = await collect(await client.openBlob(named(registry.host), descriptor, { offset }))
  return { isSame: bytes.equals(blob.subarray(offset)), ranges: registry.requests.map(({ headers }) => headers.range) }
}

async function failure(script: Script, offset = 0) {
  await using registry = await startHostileRegistry(script)
  await using client = quickClient({ stallTimeout: 200 })
  const opened = client.openBlob(named(registry.host), descriptor, { offset }).then(collect)
  return { error: await thrownBy(opened), requests: registry.requests }
}

describe('a real registry behind a wire that is cut', () => {
  test.each([[1], [200], [400], [1000], [4096], [9999]])('after %i bytes, every time', async (down) => {
    await using registry = await startRegistry()
    await using plain = quickClient()
    await plain.pushBlob(named(registry.host), descriptor, () => Readable.from([blob]))
    // What the headers take has to get through once in a while, or nothing ever does.
    await using wire = await startCuttingWire(registry.host, (count) =>
      count % 3 === 2 ? { down: down + 900 } : { down },
    )
    await using client = quickClient()
    const bytes = await collect(await client.openBlob(named(wire.host), descriptor))
    expect(bytes.equals(blob)).toBe(true)
    expect(wire.connections).toBeGreaterThan(1)
  })
})

test('a cut at any byte is gone on from there', async () => {
  const points = [0, 1, 2, 499, 500, 5000, 9998, 9999]
  for (const point of points) {
    const { isSame, ranges } = await read(
      ranged((count) => {
        if (count > 0) return undefined
        return (_, response) => {
          response.writeHead(200, { 'content-length': blob.length })
          response.write(blob.subarray(0, point), () => response.destroy())
          if (point === 0) response.flushHeaders()
        }
      }),
    )
    expect(isSame).toBe(true)
    // An answer that is cut before its headers were read is asked for again as a whole.
    expect([undefined, `bytes=${point}-`]).toContain(ranges.at(-1))
  }
})

test('an offset is asked for as a range, and nothing where nothing is left', async () => {
  expect(
    await read(
      ranged(() => undefined),
      4000,
    ),
  ).toEqual({ isSame: true, ranges: ['bytes=4000-'] })
  expect(
    await read(
      ranged(() => undefined),
      blob.length,
    ),
  ).toEqual({ isSame: true, ranges: [] })
})

test('a server that knows no ranges sends all, and what is there already is skipped', async () => {
  const all: Script = (_, response) => void response.writeHead(200).end(blob)
  expect(await read(all, 4000)).toEqual({ isSame: true, ranges: ['bytes=4000-'] })
})

test.each([
  ['another start', 'bytes 0-9999/10000'],
  ['another end', 'bytes 4000-20000/10000'],
  ['another size', 'bytes 4000-9999/10001'],
  ['another unit', 'items 4000-9999/10000'],
  ['none', undefined],
])('a range that is wrong is not believed, and all is asked for: %s', async (_, range) => {
  const script = ranged((count) => {
    if (count > 0) return undefined
    return (__, response) => {
      response.writeHead(206, range === undefined ? {} : { 'content-range': range }).end(randomBytes(6000))
    }
  })
  expect(await read(script, 4000)).toEqual({ isSame: true, ranges: ['bytes=4000-', undefined] })
})

test('416 is answered by asking for all of it', async () => {
  const script = ranged((count) => (count > 0 ? undefined : (_, response) => void response.writeHead(416).end()))
  expect(await read(script, 4000)).toEqual({ isSame: true, ranges: ['bytes=4000-', undefined] })
})

test('a range that ends early is gone on from there', async () => {
  const script = ranged((count) => {
    if (count !== 0) return undefined
    return (_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 100-199/*' }).end(blob.subarray(100, 200))
    }
  })
  expect(await read(script, 100)).toEqual({ isSame: true, ranges: ['bytes=100-', 'bytes=200-'] })
})

test('a body that stands still is cut and gone on from there', async () => {
  const script = ranged((count) => {
    if (count > 0) return undefined
    return (_, response) => {
      response.writeHead(200, { 'content-length': blob.length })
      response.write(blob.subarray(0, 3000))
    }
  })
  expect(await read(script)).toEqual({ isSame: true, ranges: [undefined, 'bytes=3000-'] })
})

test('a reader that takes its time is no stall', async () => {
  await using registry = await startHostileRegistry(ranged(() => undefined))
  await using client = quickClient({ stallTimeout: 100 })
  let size = 0
  for await (const chunk of await client.openBlob(named(registry.host), descriptor)) {
    if (size === 0) await delay(300)
    size += chunk.length
  }
  expect(size).toBe(blob.length)
  expect(registry.requests).toHaveLength(1)
})

describe('given up:', () => {
  test.each([
    ['longer by its header', { 'content-length': '10001' }, Buffer.alloc(10_001), 'ERR_DIGEST_MISMATCH', /10001 bytes/],
    ['shorter by its header', { 'content-length': '9999' }, Buffer.alloc(9999), 'ERR_DIGEST_MISMATCH', /9999 bytes/],
    ['longer than it should be', {}, Buffer.alloc(20_000), 'ERR_DIGEST_MISMATCH', /more than 10000/],
    ['packed', { 'content-encoding': 'gzip' }, Buffer.alloc(100), 'ERR_REGISTRY_ANSWER', /encoding "gzip"/],
  ])('a blob that is %s', async (_, headers, body, code, message) => {
    const { error, requests } = await failure((__, response) => {
      response.writeHead(200, headers)
      response.write(body)
      response.end()
    })
    expect(error).toMatchObject({ code, phase: 'pull', message: expect.stringMatching(message) })
    expect(requests).toHaveLength(1)
  })

  test('a blob that always ends early', async () => {
    const { error } = await failure(
      ranged((count) => (_, response) => {
        if (count === 0) response.writeHead(200).end(blob.subarray(0, 5000), () => undefined)
        else response.writeHead(206, { 'content-range': 'bytes 5000-9999/10000' }).end()
      }),
    )
    expect(error).toMatchObject({
      code: 'ERR_DIGEST_MISMATCH',
      message: expect.stringContaining('at byte 5000 of 10000'),
    })
  })

  test('a blob whose registry goes away', async () => {
    const { error } = await failure(
      ranged((count) => (request, response) => {
        if (count > 0) return void request.socket.destroy()
        response.writeHead(200, { 'content-length': blob.length })
        response.write(blob.subarray(0, 5000), () => response.destroy())
      }),
    )
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_UNREACHABLE' })
  })

  test('a blob that comes byte by byte', async () => {
    const { error, requests } = await failure(
      ranged(() => (request, response) => {
        const start = startOf(request.headers.range)
        response.writeHead(start === 0 ? 200 : 206, { 'content-range': `bytes ${start}-9999/10000` })
        response.write(blob.subarray(start, start + 1), () => response.destroy())
      }),
    )
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_UNREACHABLE' })
    expect(requests.length).toBeLessThan(200)
  })

  test('a digest that is a path', async () => {
    await using client = quickClient()
    const evil = { ...descriptor, digest: 'sha256:../../../../etc/passwd' }
    expect(await thrownBy(client.openBlob(named('127.0.0.1:1'), evil))).toMatchObject({ code: 'ERR_INVALID_REFERENCE' })
  })
})

test('an abort ends a blob in its middle, and so does the reader', async () => {
  const half: Script = (_, response) => {
    response.writeHead(200, { 'content-length': blob.length })
    response.write(blob.subarray(0, 5000))
  }
  await using registry = await startHostileRegistry(half)
  await using client = quickClient()
  const stop = new AbortController()
  const chunks = await client.openBlob(named(registry.host), descriptor, { signal: stop.signal })
  const reading = (async () => {
    for await (const _ of chunks) stop.abort(new Error('enough'))
  })()
  expect(await thrownBy(reading)).toMatchObject({ code: 'ERR_ABORTED', cause: { message: 'enough' } })
  for await (const _ of await client.openBlob(named(registry.host), descriptor)) break
  expect(registry.requests).toHaveLength(2)
})
