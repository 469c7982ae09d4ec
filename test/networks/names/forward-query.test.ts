import { once } from 'node:events'
import { createSocket } from 'node:dgram'
import { afterEach, expect, test, vi } from 'vitest'
import { forwardQuery, type ForwardOptions } from '../../../src/networks/names/forward-query.ts'
import { query, read } from './queries.ts'
import { answered, startResolver, type TestResolver } from './test-resolver.ts'

const asked = query({ id: 0xbeef, name: 'Www.Example.org' })

afterEach(() => vi.useRealTimers())

function forward(resolver: TestResolver, options: Partial<ForwardOptions> = {}, message = asked): Promise<Buffer> {
  const { address, port } = resolver
  return forwardQuery(message, {
    resolvers: [address],
    port,
    over: 'udp',
    limit: 1232,
    signal: new AbortController().signal,
    ...options,
  })
}

function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /UDP|TCP|ConnectWrap/.test(name))
}

test('an answer comes back with the ID of the query, which went out with another', async () => {
  await using resolver = await startResolver((message) => [answered(message)])
  const ids = new Set<number>()
  for (let count = 0; count < 8; count++) {
    expect(read(await forward(resolver))).toMatchObject({
      id: 0xbeef,
      rcode: 0,
      answers: ['Www.Example.org A 192.0.2.1'],
    })
    ids.add(resolver.overUdp[count]!.readUInt16BE(0))
  }
  expect(ids.size).toBeGreaterThan(6)
  expect(resolver.overUdp[0]!.subarray(2)).toEqual(asked.subarray(2))
})

test('a resolver on ::1 is asked', async () => {
  await using resolver = await startResolver((message) => [answered(message)], undefined, { address: '::1' })
  expect(read(await forward(resolver)).answers).toEqual(['Www.Example.org A 192.0.2.1'])
})

test('a resolver that changes letters is believed, and the client gets its own back', async () => {
  await using resolver = await startResolver((message) => {
    const answer = answered(message)
    answer.write('wWW', 13)
    return [answer]
  })
  expect(read(await forward(resolver))).toMatchObject({ question: 'Www.Example.org A', rcode: 0 })
})

test.each<[string, (message: Buffer) => Buffer]>([
  ['another ID', (message) => flipped(answered(message), 1)],
  ['another name', (message) => flipped(answered(message), 14)],
  ['another type', (message) => flipped(answered(message), message.length - 3)],
  ['the query itself', (message) => message],
  ['less than a header', (message) => message.subarray(0, 7)],
  ['nothing', () => Buffer.alloc(0)],
  ['garbage', () => Buffer.alloc(300, 0xc0)],
  [
    'no question and no failure',
    (message) => Buffer.concat([message.subarray(0, 2), Buffer.from([0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0])]),
  ],
])('%s is no answer, and the one behind it is', async (_, wrong) => {
  await using udp = await startResolver((message) => [wrong(message), answered(message, { last: 7 })])
  expect(read(await forward(udp)).answers).toEqual(['Www.Example.org A 192.0.2.7'])
  await using tcp = await startResolver(
    () => [],
    (message) => [wrong(message), answered(message, { last: 8 })],
  )
  expect(read(await forward(tcp, { over: 'tcp' })).answers).toEqual(['Www.Example.org A 192.0.2.8'])
})

test('a stranger who knows the port and the ID is not heard', async () => {
  const stranger = createSocket('udp4')
  await using resolver = await startResolver((message, from) => {
    stranger.send(answered(message, { last: 66 }), from.port, from.address)
    // The stranger's datagram is on loopback, so it is there before this one.
    return [answered(message, { last: 2 })]
  })
  stranger.bind(0, '127.0.0.1')
  await once(stranger, 'listening')
  expect(read(await forward(resolver)).answers).toEqual(['Www.Example.org A 192.0.2.2'])
  stranger.close()
})

test('a resolver where nobody listens is passed over at once', async () => {
  await using resolver = await startResolver((message) => [answered(message)], undefined, { address: '127.0.0.2' })
  const before = performance.now()
  expect(read(await forward(resolver, { resolvers: ['127.0.0.3', '127.0.0.2'] })).rcode).toBe(0)
  expect(performance.now() - before).toBeLessThan(1000)
})

test('a silent resolver is passed over after two seconds', async () => {
  await using silent = await startResolver(() => [], undefined, { address: '127.0.0.3' })
  await using resolver = await startResolver((message) => [answered(message)], undefined, { port: silent.port })
  const before = performance.now()
  expect(read(await forward(resolver, { resolvers: ['127.0.0.3', '127.0.0.1'] })).rcode).toBe(0)
  expect(performance.now() - before).toBeGreaterThan(1900)
  expect(performance.now() - before).toBeLessThan(3500)
})

test('a resolver that fails is passed over, and its answer kept if nobody has a better one', async () => {
  await using failing = await startResolver((message) => [answered(message, { rcode: 5 })], undefined, {
    address: '127.0.0.3',
  })
  await using resolver = await startResolver((message) => [answered(message, { rcode: 3 })], undefined, {
    port: failing.port,
  })
  expect(read(await forward(resolver, { resolvers: ['127.0.0.3', '127.0.0.1'] })).rcode).toBe(3)
  expect(read(await forward(resolver, { resolvers: ['127.0.0.3', '127.0.0.4'] })).rcode).toBe(5)
})

test('a failure without the question is heard', async () => {
  await using resolver = await startResolver((message) => [
    Buffer.concat([message.subarray(0, 2), Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0])]),
  ])
  expect(read(await forward(resolver))).toMatchObject({ id: 0xbeef, rcode: 1 })
})

test('silence is a server failure, also under fake timers', { timeout: 15_000 }, async () => {
  await using resolver = await startResolver(() => [])
  vi.useFakeTimers()
  expect(read(await forward(resolver))).toMatchObject({ id: 0xbeef, rcode: 2, question: 'Www.Example.org A' })
  expect(resolver.overUdp).toHaveLength(2)
})

test('nobody at all is a server failure at once', async () => {
  const before = performance.now()
  for (const over of ['udp', 'tcp'] as const) {
    const answer = forwardQuery(asked, {
      resolvers: ['127.0.0.1'],
      port: 9,
      over,
      limit: 512,
      signal: new AbortController().signal,
    })
    expect(read(await answer).rcode).toBe(2)
  }
  expect(performance.now() - before).toBeLessThan(1000)
})

test('what came over TCP goes over TCP, however long the answer is', async () => {
  await using resolver = await startResolver(
    () => [],
    (message) => [answered(message, { padding: 60_000 })],
  )
  const answer = await forward(resolver, { over: 'tcp', limit: 65_535 })
  expect(answer.length).toBeGreaterThan(60_000)
  expect(read(answer).id).toBe(0xbeef)
  expect(resolver.overUdp).toHaveLength(0)
})

test('a cut answer is asked for again over TCP, and taken if it fits', async () => {
  await using resolver = await startResolver(
    (message) => [answered(message, { flags: 0x200 })],
    (message) => [answered(message, { padding: 700, last: 9 })],
  )
  expect(read(await forward(resolver)).answers[0]).toBe('Www.Example.org A 192.0.2.9')
  expect(read(await forward(resolver, { limit: 512 }))).toMatchObject({
    flags: 'tc rd ra',
    answers: ['Www.Example.org A 192.0.2.1'],
  })
  expect(resolver.overTcp).toHaveLength(2)
})

test('a cut answer is better than none where TCP is closed', async () => {
  await using resolver = await startResolver((message) => [answered(message, { flags: 0x200 })])
  expect(read(await forward(resolver))).toMatchObject({ flags: 'tc rd ra', rcode: 0 })
})

test('an answer that is too long for a datagram is cut to its question', async () => {
  await using resolver = await startResolver((message) => [answered(message, { padding: 800 })])
  const answer = await forward(resolver, { limit: 512 })
  expect(answer.length).toBeLessThan(64)
  expect(read(answer)).toMatchObject({ id: 0xbeef, flags: 'tc rd ra', question: 'Www.Example.org A', answers: [] })
})

test.each(['udp', 'tcp'] as const)('an abort ends queries over %s and leaves no socket', async (over) => {
  await using resolver = await startResolver(
    () => [],
    () => [],
  )
  const before = openHandles().length
  const controller = new AbortController()
  const early = forward(resolver, { over, signal: AbortSignal.abort() })
  const queries = Array.from({ length: 5 }, () => forward(resolver, { over, signal: controller.signal }))
  await vi.waitFor(() => expect([...resolver.overUdp, ...resolver.overTcp]).toHaveLength(5))
  const started = performance.now()
  controller.abort()
  for (const answer of await Promise.all([early, ...queries])) expect(read(answer).rcode).toBe(2)
  expect(performance.now() - started).toBeLessThan(500)
  await vi.waitFor(() => expect(openHandles().length).toBeLessThanOrEqual(before))
})

function flipped(message: Buffer, at: number): Buffer {
  message[at]! ^= 1
  return message
}
