import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { connect, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Session, withContainer, type Container } from '../../../src/index.ts'
import { previewPlan } from '../../../src/containers/create-container.ts'
import { CONTAINER_NAMESPACES } from '../../../src/containers/plan/create-plan.ts'
import type { KeeperProcess } from '../../../src/rootless/keeper-client.ts'
import { checkLeftovers } from '../../support/containers.ts'
import { forwardersOf, residentBytes } from '../../support/forwarders.ts'

// The forwarder of published TCP ports with many clients, with bad ones, and when the container goes.

checkLeftovers()

// 7000 echoes; 7001 writes for ever; 7002 says "first", ends, and then counts what it gets; 7003 reads nothing.
const server = `
const none = () => {}
net.createServer({ allowHalfOpen: true }, (each) => each.on('error', none).pipe(each)).listen({ port: 7000, backlog: 4096 })
net.createServer((each) => {
  const more = () => { while (each.writable && each.write(Buffer.alloc(65536))); }
  each.on('error', none).on('drain', more).resume()
  more()
}).listen(7001)
net.createServer({ allowHalfOpen: true }, (each) => {
  let size = 0
  each.on('error', none).end('first')
  each.on('data', (bytes) => size += bytes.length).on('end', () => console.log('got ' + size))
}).listen(7002)
net.createServer((each) => each.on('error', none).pause()).listen(7003, () => console.log('listening'))
`
const options = { command: ['node', '-e', server], ports: [7000, 7001, 7002, 7003, 7004], wait: { log: 'listening' } }

let session: Session
let container: Container
let forwarder: number

beforeAll(async () => {
  session = await Session.start()
  container = await withContainer({ session, ...options })
  forwarder = forwardersOf(session)[0] ?? 0
})
afterAll(() => session[Symbol.asyncDispose]())

async function open(port: number, of = container): Promise<Socket> {
  const socket = connect({ ...of.address(port), allowHalfOpen: true })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

async function ask(socket: Socket, word: string): Promise<string> {
  socket.write(word)
  const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(20_000) })) as [Buffer]
  return String(answer)
}

/** The longest of some answers, in ms. */
async function slowestAnswer(): Promise<number> {
  const socket = await open(7000)
  let slowest = 0
  for (let round = 0; round < 50; round++) {
    const began = performance.now()
    expect(await ask(socket, 'anyone?')).toBe('anyone?')
    slowest = Math.max(slowest, performance.now() - began)
  }
  socket.destroy()
  return slowest
}

test('2,000 connections at once are all served, and take little memory', { timeout: 60_000 }, async () => {
  const before = residentBytes(forwarder)
  const sockets = await Promise.all(Array.from({ length: 2000 }, () => open(7000)))
  for (const round of ['first', 'second']) {
    const answers = await Promise.all(sockets.map((socket, index) => ask(socket, `${round} ${index}`)))
    expect(answers).toEqual(sockets.map((_, index) => `${round} ${index}`))
  }
  expect(residentBytes(forwarder) - before).toBeLessThan(8 << 20)
  for (const socket of sockets) socket.destroy()
  expect(await slowestAnswer()).toBeLessThan(5000)
})

test('clients that never read hold little memory and delay nobody', async () => {
  const before = residentBytes(forwarder)
  const deaf = await Promise.all(Array.from({ length: 100 }, () => open(7001)))
  for (const socket of deaf) socket.pause()
  const dumb = await Promise.all(Array.from({ length: 100 }, () => open(7003)))
  for (const socket of dumb) for (let round = 0; round < 100; round++) socket.write(Buffer.alloc(65_536))
  expect(await slowestAnswer()).toBeLessThan(2000)
  expect(residentBytes(forwarder) - before).toBeLessThan(64 << 20)
  for (const socket of [...deaf, ...dumb]) socket.destroy()
  await expect.poll(() => residentBytes(forwarder) - before, { timeout: 10_000 }).toBeLessThan(32 << 20)
})

test('a client that reads slowly gets every byte in order', async () => {
  const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * index) % 251))
  const socket = await open(7000)
  const echoed: Buffer[] = []
  socket.end(bytes)
  for await (const piece of socket) {
    echoed.push(piece as Buffer)
    await turn()
  }
  expect(Buffer.concat(echoed).equals(bytes)).toBe(true)
})

test('the end of one side leaves the other open, whichever comes first', async () => {
  const ended = await open(7000)
  ended.end('I am done')
  expect(await text(ended)).toBe('I am done')
  const listener = await open(7002)
  // Not `text`, which ends both directions.
  const words: Buffer[] = []
  listener.on('data', (word: Buffer) => words.push(word))
  await once(listener, 'end')
  expect(String(Buffer.concat(words))).toBe('first')
  listener.end(Buffer.alloc(3_000_000))
  const gotAll = async (): Promise<boolean> => (await container.logs()).output.includes('got 3000000')
  await expect.poll(gotAll, { timeout: 10_000 }).toBe(true)
})

test('refused inside is a reset outside, and the next connection is served', async () => {
  const refused = connect(container.address(7004))
  await expect(buffer(refused)).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(await slowestAnswer()).toBeLessThan(5000)
})

test('a container that goes in the middle of a transfer ends it on the other side', async () => {
  const other = await withContainer({ session, ...options })
  const reading = await open(7001, other)
  const writing = await open(7003, other)
  writing.write(Buffer.alloc(50_000_000))
  let received = 0
  reading.on('data', ({ length }: Buffer) => (received += length))
  await expect.poll(() => received).toBeGreaterThan(10_000_000)
  const closed = (socket: Socket) =>
    new Promise((resolve) => {
      socket.once('close', resolve)
    })
  const over = Promise.all([reading, writing.resume()].map(closed))
  reading.once('end', () => reading.destroy())
  await other[Symbol.asyncDispose]()
  await over
  expect(reading.destroyed && writing.destroyed).toBe(true)
  expect(await slowestAnswer()).toBeLessThan(5000)
})

test('an address that the container does not have is passed over', async () => {
  const around = { session, env: process.env, cwd: process.cwd(), began: performance.now() }
  const spawn = async (peer: string): Promise<KeeperProcess> => {
    const plan = await previewPlan({ command: options.command }, around)
    return await session.client.spawn({
      kind: 'container',
      plan,
      namespaces: CONTAINER_NAMESPACES,
      poolNetwork: true,
      logLimit: 65_536,
      scratch: String(plan.steps[0]?.args[0]),
      ports: [{ containerPort: 7000 }],
      peer,
    })
  }
  await using process_ = await spawn('192.0.2.1 10.255.0.9 172.30.0.2')
  const reach = async (port = 0): Promise<string> => {
    const socket = connect(port, '127.0.0.1')
    socket.end('there')
    return await text(socket)
  }
  await expect.poll(() => reach(process_.ports[0]).catch(String), { timeout: 10_000 }).toBe('there')
  await using nowhere = await spawn('192.0.2.1')
  await expect(reach(nowhere.ports[0])).rejects.toMatchObject({ code: 'ECONNRESET' })
  await using none = await spawn('')
  await expect(reach(none.ports[0])).rejects.toMatchObject({ code: 'ECONNRESET' })
  for (const peer of ['localhost', '::1', '10.0.0.1,10.0.0.2', Array(9).fill('10.0.0.1').join(' ')]) {
    await expect(spawn(peer)).rejects.toMatchObject({ errnoName: 'EINVAL', what: 'spawn' })
  }
})
