import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { connectKeeper } from '../../src/rootless/connect-keeper.ts'
import type { KeeperProcess } from '../../src/rootless/keeper-client.ts'
import { KeeperClient } from '../../src/rootless/keeper-client.ts'
import { FieldReader } from '../../src/rootless/protocol/fields.ts'
import type { Frame } from '../../src/rootless/protocol/frames.ts'
import {
  clientFrames,
  encodeFrame,
  encodeHeader,
  frameFields,
  FrameReader,
  keeperFrames,
} from '../../src/rootless/protocol/frames.ts'
import { Plan } from '../../src/rootless/protocol/plan.ts'
import { StepError } from '../../src/rootless/step-error.ts'

// Frames that a real keeper sends only by chance, or never: the other end of the socket is written here by hand. What a keeper
// does is tested in test/integration/session.test.ts.

const directory = mkdtempSync(join(tmpdir(), 'airplant-client-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A connected client, the other end, and the frames that arrive there. */
async function connected(): Promise<{
  client: KeeperClient
  peer: Socket
  next: () => Promise<Frame>
  chunks: Buffer[]
}> {
  const server = createServer().listen(join(directory, 'keeper.sock'))
  await once(server, 'listening')
  const [socket, [peer]] = (await Promise.all([connectKeeper(directory), once(server, 'connection')])) as [
    Socket,
    [Socket],
  ]
  server.close()
  const reader = new FrameReader()
  const chunks: Buffer[] = []
  const frames = (async function* () {
    for await (const chunk of peer) {
      chunks.push(chunk as Buffer)
      yield* reader.read(chunk as Buffer)
    }
  })()
  const next = async (): Promise<Frame> => {
    const result = await frames.next()
    if (result.done) throw new Error('The client closed the connection')
    return result.value
  }
  return { client: new KeeperClient(socket), peer, next, chunks }
}

async function spawned(
  { client, peer, next }: Awaited<ReturnType<typeof connected>>,
  ...following: Buffer[]
): Promise<KeeperProcess> {
  const spawning = client.spawn({ kind: 'helper', attached: true, credit: 1000, plan: new Plan() })
  const { id } = await next()
  const ok = encodeFrame(keeperFrames.ok, id, frameFields().u(5).u(0).b(Buffer.alloc(0)))
  peer.write(Buffer.concat([ok, ...following]))
  return spawning
}

const data = (text: string, stream = 1): Buffer =>
  Buffer.concat([encodeHeader(keeperFrames.data, 5, text.length + 1), Buffer.from([stream]), Buffer.from(text)])
const end = (stream: number): Buffer => encodeFrame(keeperFrames.end, 5, frameFields().u(stream))
const exit = (code: number): Buffer => encodeFrame(keeperFrames.exit, 5, frameFields().u(code).u(0))

test('output that comes in one piece with the answer is not lost', async () => {
  const connection = await connected()
  const process = await spawned(connection, data('a'), data('b', 2), data('c'), end(1), end(2), exit(3))
  const result = await process.collect()
  expect([String(result.stdout), String(result.stderr), String(result.output)]).toEqual(['ac', 'b', 'abc'])
  expect(result.exitCode).toBe(3)
  expect(connection.client.live.processes).toBe(0)
  connection.client.close()
})

test('requests of one tick leave in one write', async () => {
  const { client, next, chunks } = await connected()
  const requests = Promise.allSettled([client.list(), client.list(), client.hello()])
  expect([(await next()).type, (await next()).type, (await next()).type]).toEqual([14, 14, 1])
  expect(chunks.length).toBe(1)
  client.close()
  expect((await requests).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
})

test('stdin is sent only as far as its window goes', async () => {
  const connection = await connected()
  const process = await spawned(connection)
  let isSent = false
  const writing = process.writeStdin(Buffer.alloc(300_000)).then(() => (isSent = true))
  process.closeStdin()
  const first = await connection.next()
  expect([first.type, first.body.length]).toEqual([clientFrames.stdin, 256 * 1024])
  expect(isSent).toBe(false)
  connection.peer.write(encodeFrame(keeperFrames.stdinCredit, 5, frameFields().u(100_000)))
  const second = await connection.next()
  expect([second.type, second.body.length]).toEqual([clientFrames.stdin, 300_000 - 256 * 1024])
  await writing
  expect((await connection.next()).type).toBe(clientFrames.closeStdin)
  await expect(process.writeStdin('more')).rejects.toThrow('it was closed')
  connection.client.close()
})

test('credit comes back only as output is consumed', async () => {
  const connection = await connected()
  const process = await spawned(connection, data('x'.repeat(1000)))
  // The answer to a request that is sent now shows that nothing was before it.
  void connection.client.list().catch(() => undefined)
  expect((await connection.next()).type).toBe(clientFrames.list)
  let received = ''
  process.onData('stdout', (chunk) => (received += String(chunk)))
  expect(received.length).toBe(1000)
  const credit = await connection.next()
  const fields = new FieldReader(credit.body)
  expect([credit.type, credit.id, fields.u(), fields.u()]).toEqual([clientFrames.credit, 5, 1, 1000])
  expect(() => process.stdoutStream()).toThrow('already has a reader')
  connection.client.close()
})

test('an error that belongs to no request explains the end of the connection', async () => {
  const { client, peer } = await connected()
  const hello = client.hello()
  const fields = frameFields()
    .u(2n ** 64n - 1n)
    .s('clone3')
    .u(28)
    .s('user')
  peer.end(encodeFrame(keeperFrames.error, 0, fields))
  await expect(hello).rejects.toMatchObject({ step: -1, what: 'clone3', errnoName: 'ENOSPC', detail: 'user' })
  await expect(hello).rejects.toBeInstanceOf(StepError)
  expect(client.closed).toBe(true)
})

test.each([
  ['a frame over the limit', Buffer.alloc(12, 0xff)],
  ['a malformed error', encodeFrame(keeperFrames.error, 1, frameFields().u(1))],
  ['an exit without fields', encodeFrame(keeperFrames.exit, 5, frameFields())],
  ['output of a third stream', data('x', 3)],
])('%s ends the connection, and everything that waits with it', async (_, bytes) => {
  const connection = await connected()
  const process = await spawned(connection)
  const listing = connection.client.list()
  connection.peer.write(bytes)
  await expect(listing).rejects.toMatchObject({ code: 'ERR_KEEPER_GONE', phase: 'session' })
  await expect(process.exited).rejects.toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect(await connection.client.ended).toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect(connection.client.live).toEqual({ processes: 0, subscriptions: 0 })
  await expect(connection.client.list()).rejects.toMatchObject({ code: 'ERR_KEEPER_GONE' })
})

test('frames of handles that nobody knows are passed over', async () => {
  const { client, peer, next } = await connected()
  const listing = client.list()
  const { id } = await next()
  peer.write(Buffer.concat([data('late'), exit(0), encodeFrame(keeperFrames.ok, id, frameFields().v([]))]))
  expect(await listing).toEqual([])
  client.close()
})

test('a process that is removed before it ended counts as killed', async () => {
  const connection = await connected()
  const process = await spawned(connection)
  const removals = Promise.all([process.remove(), process.remove()])
  const { type, id } = await connection.next()
  expect(type).toBe(clientFrames.remove)
  connection.peer.write(encodeFrame(keeperFrames.ok, id, frameFields()))
  await removals
  expect(await process.exited).toEqual({ exitCode: null, signal: 9 })
  connection.client.close()
})
