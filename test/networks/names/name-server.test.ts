import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { NameServer, type NameServerOptions } from '../../../src/networks/names/name-server.ts'
import { NameClient } from './name-client.ts'
import { query, read, zone } from './queries.ts'
import { answered, startResolver } from './test-resolver.ts'

let directory: string
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'names-'))))
afterEach(() => rm(directory, { recursive: true, force: true }))
afterEach(() => vi.useRealTimers())

const paths = () => ({ udpPath: join(directory, 'udp.sock'), tcpPath: join(directory, 'tcp.sock') })

async function listen(options: Partial<NameServerOptions> = {}): Promise<NameServer> {
  const server = await NameServer.listen({ ...paths(), view: () => ({ zone, isOutward: true }), ...options })
  if (!server) throw new Error('Somebody else serves')
  return server
}

describe('answers', () => {
  test("come over both sockets, which are the user's alone and gone afterwards", async () => {
    {
      await using _ = await listen()
      for (const path of Object.values(paths())) {
        expect((await stat(path)).mode & 0o777).toBe(0o600)
        using client = await NameClient.connect(path)
        expect(read(await client.ask(query({ id: 7 })))).toMatchObject({ id: 7, answers: ['db A 172.30.0.2'] })
      }
      expect((await readdir(directory)).sort()).toEqual(['tcp.sock', 'udp.sock'])
    }
    expect(await readdir(directory)).toEqual([])
  })

  test('come over sockets in a directory that is as deep as it likes', async () => {
    const deep = join(directory, 'd'.repeat(200))
    await mkdir(deep)
    const long = { udpPath: join(deep, 'udp.sock'), tcpPath: join(deep, 'tcp.sock') }
    {
      await using server = await listen(long)
      expect(await NameServer.listen({ ...long, view: () => ({ zone, isOutward: true }) })).toBeUndefined()
      const free = Array.from({ length: 20 }, () => NameServer.whenFree(long))
      await server[Symbol.asyncDispose]()
      await Promise.all(free)
    }
    expect(await readdir(deep)).toEqual([])
  })

  test('are short for a datagram and whole over TCP', async () => {
    await using _ = await listen()
    using udp = await NameClient.connect(paths().udpPath)
    using tcp = await NameClient.connect(paths().tcpPath)
    expect(read(await udp.ask(query({ name: 'web' }))).flags).toContain('tc')
    expect(read(await tcp.ask(query({ name: 'web' }))).answers).toHaveLength(200)
  })

  test('of 5,000 queries in a row all come, under fake timers too', async () => {
    vi.useFakeTimers()
    await using _ = await listen()
    using client = await NameClient.connect(paths().tcpPath)
    client.send(...Array.from({ length: 5000 }, (_, id) => query({ id })))
    await client.until(5000)
    expect(new Set(client.answers.map((answer) => read(answer).id)).size).toBe(5000)
  })

  test('come for queries that arrive byte by byte', async () => {
    await using _ = await listen()
    using client = await NameClient.connect(paths().tcpPath)
    client.socket.setNoDelay()
    const bytes = [query({ id: 1 }), query({ id: 2, name: 'nobody' })].flatMap((one) => [0, one.length, ...one])
    for (const byte of bytes) {
      client.socket.write(Buffer.from([byte]))
      await setImmediate()
    }
    await client.until(2)
    expect(client.answers.map((answer) => read(answer).rcode)).toEqual([0, 3])
  })

  test('come to a client that has closed its side', async () => {
    await using _ = await listen()
    using client = await NameClient.connect(paths().tcpPath)
    client.socket.end(
      Buffer.concat([query({ id: 1 }), query({ id: 2 })].flatMap((one) => [Buffer.from([0, one.length]), one])),
    )
    await client.until(2)
    await client.closed()
  })

  test('do not come for what is none, and the connection goes on', async () => {
    await using _ = await listen()
    using client = await NameClient.connect(paths().udpPath)
    client.send(Buffer.alloc(0), Buffer.alloc(11), query({ flags: 0x8000 }), Buffer.alloc(12))
    expect(read(await client.ask(query({ id: 9 })))).toMatchObject({ rcode: 1 })
    await client.until(2)
    expect(read(client.answers[1]!).id).toBe(9)
  })

  test('say "server failure" when the zone throws', async () => {
    const broken = {
      ...zone,
      addressesOf: () => {
        throw new Error('No such zone')
      },
    }
    await using _ = await listen({ view: () => ({ zone: broken, isOutward: true }) })
    using client = await NameClient.connect(paths().udpPath)
    expect(read(await client.ask(query()))).toMatchObject({ rcode: 2, question: 'db A' })
  })
})

describe('other names', () => {
  test('are forwarded, as they came', async () => {
    await using resolver = await startResolver(
      (message) => [answered(message)],
      (message) => [answered(message, { last: 2 })],
    )
    await using _ = await listen({ resolvers: [resolver.address], resolverPort: resolver.port })
    using udp = await NameClient.connect(paths().udpPath)
    using tcp = await NameClient.connect(paths().tcpPath)
    expect(read(await udp.ask(query({ name: 'a.test', id: 5 })))).toMatchObject({
      id: 5,
      answers: ['a.test A 192.0.2.1'],
    })
    expect(read(await tcp.ask(query({ name: 'a.test', id: 6 })))).toMatchObject({
      id: 6,
      answers: ['a.test A 192.0.2.2'],
    })
    expect(read(await udp.ask(query({ name: 'nobody' }))).rcode).toBe(3)
    expect(resolver.overUdp).toHaveLength(1)
  })

  test('do not exist where nothing is forwarded', async () => {
    await using _ = await listen()
    using client = await NameClient.connect(paths().udpPath)
    expect(read(await client.ask(query({ name: 'a.test' })))).toMatchObject({ rcode: 3, question: 'a.test A' })
  })

  test('wait in the client while 16 of its queries are under way, and other clients do not', async () => {
    await using resolver = await startResolver(() => [])
    await using server = await listen({ resolvers: [resolver.address], resolverPort: resolver.port })
    using greedy = await NameClient.connect(paths().udpPath)
    greedy.send(...Array.from({ length: 50 }, (_, id) => query({ id, name: 'a.test' })))
    await vi.waitFor(() => expect(resolver.overUdp).toHaveLength(16))
    using client = await NameClient.connect(paths().udpPath)
    expect(read(await client.ask(query())).rcode).toBe(0)
    expect(resolver.overUdp).toHaveLength(16)
    expect(greedy.answers).toHaveLength(0)
    await server[Symbol.asyncDispose]()
    await greedy.closed()
  })

  test('fail at once while 256 queries of all are under way', async () => {
    await using resolver = await startResolver(() => [])
    await using _ = await listen({ resolvers: [resolver.address], resolverPort: resolver.port })
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => NameClient.connect(paths().tcpPath.replace('tcp', 'udp'))),
    )
    for (const client of clients) client.send(...Array.from({ length: 16 }, (_, id) => query({ id, name: 'a.test' })))
    const answers = (): Buffer[] => clients.flatMap((client) => client.answers)
    await vi.waitFor(() => expect(answers()).toHaveLength(20 * 16 - 256))
    expect(answers().every((answer) => read(answer).rcode === 2)).toBe(true)
    for (const client of clients) client[Symbol.dispose]()
  })
})

describe('clients that behave badly', () => {
  test('lose their connection for a message that is longer than any query', async () => {
    await using _ = await listen()
    using client = await NameClient.connect(paths().tcpPath)
    client.socket.write(Buffer.from([0x10, 0x01]))
    await client.closed()
  })

  test('of 2,000 connections lock nobody out', { timeout: 30_000 }, async () => {
    await using _ = await listen()
    const burst = () => Promise.all(Array.from({ length: 400 }, () => NameClient.connect(paths().tcpPath)))
    const clients: NameClient[] = []
    for (let count = 0; count < 5; count++) {
      clients.push(...(await burst()))
      // The kernel's queue, which is not longer, is empty when the last one is answered.
      expect(read(await clients.at(-1)!.ask(query())).rcode).toBe(0)
    }
    using client = await NameClient.connect(paths().udpPath)
    expect(read(await client.ask(query())).rcode).toBe(0)
    await vi.waitFor(
      () => expect(clients.filter(({ socket }) => socket.destroyed).length).toBeGreaterThanOrEqual(1489),
      5000,
    )
    expect(clients.filter(({ socket }) => !socket.destroyed).length).toBeGreaterThan(400)
    for (const one of clients) one[Symbol.dispose]()
  })

  test('that are quiet are dropped before one that asks', async () => {
    await using _ = await listen()
    using busy = await NameClient.connect(paths().tcpPath)
    const quiet: NameClient[] = []
    for (let count = 0; count < 1000; count++) {
      quiet.push(await NameClient.connect(paths().tcpPath))
      if (count % 100 === 0) expect(read(await busy.ask(query())).rcode).toBe(0)
    }
    expect(read(await busy.ask(query())).rcode).toBe(0)
    for (const one of quiet) one[Symbol.dispose]()
  })

  test.each([
    ['nothing', []],
    ['half a query', [0, 40, 1]],
  ])('that send %s lose their connection in time', async (_, bytes) => {
    await using server = await listen({ idleTimeout: 200 })
    using client = await NameClient.connect(paths().tcpPath)
    client.socket.write(Buffer.from(bytes))
    await client.closed()
    expect(server).toBeDefined()
  })

  test('that never read their answers wait, and are dropped in time', async () => {
    await using _ = await listen({ idleTimeout: 500 })
    using greedy = await NameClient.connect(paths().tcpPath)
    greedy.socket.pause()
    const many = Array.from({ length: 20_000 }, (_, id) => query({ id, name: 'web' }))
    greedy.send(...many)
    using client = await NameClient.connect(paths().udpPath)
    expect(read(await client.ask(query())).rcode).toBe(0)
    const before = process.memoryUsage.rss()
    await greedy.closed()
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
  })

  test('that hang up in the middle do no harm', async () => {
    await using resolver = await startResolver((message) => [answered(message)])
    await using _ = await listen({ resolvers: [resolver.address], resolverPort: resolver.port })
    for (let count = 0; count < 200; count++) {
      const client = await NameClient.connect(paths().tcpPath)
      client.send(query({ name: count % 2 ? 'a.test' : 'web' }), query({ name: 'web' }))
      client.socket.write(Buffer.from([0, 9, 9]))
      if (count % 3 === 0) await client.until(1)
      client[Symbol.dispose]()
    }
    using client = await NameClient.connect(paths().udpPath)
    expect(read(await client.ask(query())).rcode).toBe(0)
  })
})
