import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { lstatSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { withContainer, type Container } from '../../../src/index.ts'
import { encodeSpawn } from '../../../src/rootless/client/spawn-request.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import {
  clientFrames,
  encodeFrame,
  encodeHeader,
  FRAME_HEADER,
  FRAME_MAX,
} from '../../../src/rootless/protocol/frames.ts'
import { Session } from '../../../src/rootless/session.ts'
import { compileAttacker } from '../../support/attacker.ts'
import { checkLeftovers } from '../../support/containers.ts'

const left = checkLeftovers()
const attacker = compileAttacker()
let session: Session
let bystander: Container

beforeAll(async () => {
  session = await defaultSession()
  bystander = await withContainer({ command: ['sleep', '600'] })
})

async function expectUndisturbed(): Promise<void> {
  expect((await bystander.exec(['echo', 'alive'])).stdout).toBe('alive\n')
  expect(session.closed).toBe(false)
  expect((await defaultSession()).keeperPid).toBe(session.keeperPid)
}

async function open(): Promise<Socket> {
  const socket = connect(join(session.directory, 'keeper.sock'))
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  return socket
}

/** Sends bytes and the end of them; resolves when the keeper has closed the connection. */
async function send(bytes: Buffer): Promise<void> {
  const socket = await open()
  socket.resume()
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve()
    })
  })
  socket.end(bytes)
  await closed
}

const frame = (type: number, body: Buffer, id = 1): Buffer => Buffer.concat([encodeHeader(type, id, body.length), body])
const number = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}
const hello = frame(clientFrames.hello, Buffer.concat([number(1n), number(0n)]))

test('directories of a session are private, and the socket too', () => {
  const own = process.getuid?.() ?? 0
  for (const path of [left.stateDirectory, join(left.stateDirectory, 'sessions'), session.directory]) {
    const { mode, uid } = lstatSync(path)
    // Real root's keepers run as others, who must get through, and see nothing on the way.
    const open = own === 0 && path !== session.directory ? 0o011 : 0
    expect({ path, mode: mode & 0o777 & ~open }).toEqual({ path, mode: 0o700 })
    if (own !== 0) expect(uid).toBe(own)
  }
  for (const name of readdirSync(session.directory)) {
    const stat = lstatSync(join(session.directory, name))
    if (stat.isSocket()) expect(stat.mode & 0o777).toBe(0o600)
    if (stat.isDirectory()) expect({ name, mode: stat.mode & 0o077 }).toEqual({ name, mode: 0 })
  }
})

test('a container that finds the socket through a bind gets no answer', async () => {
  const probe = `const s = require('net').connect('/tmp/s/keeper.sock')
    s.on('data', () => { console.log('answered'); process.exit() }).on('error', () => {}).on('close', () => console.log('refused'))
    s.write(Buffer.from('${hello.toString('hex')}', 'hex'))`
  for (const readOnly of [false, true]) {
    const binds = [{ source: session.directory, target: '/tmp/s', readOnly }]
    await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files, binds })
    expect((await container.exec(['test', '-S', '/tmp/s/keeper.sock'])).exitCode).toBe(0)
    expect((await container.exec(['node', '-e', probe])).output).toBe('refused\n')
  }
  // The same bytes from here are answered.
  const socket = await open()
  socket.write(hello)
  await once(socket, 'data')
  socket.destroy()
  await expectUndisturbed()
})

test('malformed frames of a second client end only its own connection', async () => {
  const spawn = frame(clientFrames.spawn, randomBytes(40))
  const oversized = encodeHeader(clientFrames.spawn, 1, 0)
  oversized.writeUInt32LE(FRAME_MAX + 1, 0)
  const endless = Buffer.from(oversized)
  endless.writeUInt32LE(0xffffffff, 0)
  const promised = Buffer.from(oversized)
  promised.writeUInt32LE(FRAME_MAX, 0)
  const cases: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'half a header': hello.subarray(0, 7),
    'half a body': hello.subarray(0, FRAME_HEADER + 5),
    oversized,
    endless,
    'a promise of 16 MiB': promised,
    'a full frame of zeros': Buffer.concat([promised, Buffer.alloc(FRAME_MAX)]),
    'wrong version': frame(clientFrames.hello, Buffer.concat([number(99n), number(0n)])),
    'trailing bytes': frame(clientFrames.hello, Buffer.concat([number(1n), number(0n), Buffer.from('x')])),
    'unknown types': Buffer.concat([0, 15, 18, 99, 100, 255, 65535].map((type) => frame(type, Buffer.alloc(0)))),
    'spawn of noise': spawn,
    'spawn of nothing': frame(clientFrames.spawn, Buffer.alloc(0)),
  }
  for (const type of Object.values(clientFrames)) {
    if (type === clientFrames.shutdown || type === clientFrames.list) continue
    cases[`type ${type}, short`] = frame(type, Buffer.alloc(3))
    cases[`type ${type}, handle 0`] = frame(type, Buffer.alloc(8))
    cases[`type ${type}, all ones`] = frame(type, Buffer.alloc(24, 0xff))
    cases[`type ${type}, huge list`] = frame(type, Buffer.concat([number(2n ** 64n - 1n), Buffer.alloc(16, 0xff)]))
  }
  for (const [name, bytes] of Object.entries(cases)) {
    await send(bytes)
    expect(session.closed, name).toBe(false)
  }
  await expectUndisturbed()
})

test('a second client can neither feed nor starve streams of the first', async () => {
  await using process = await bystander.execStream(['cat'])
  const chunks: Buffer[] = []
  process.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const flood = Array.from({ length: 64 }, (_, handle) => [
    frame(clientFrames.stdin, Buffer.from('injected'), handle),
    frame(clientFrames.closeStdin, Buffer.alloc(0), handle),
    frame(clientFrames.credit, Buffer.concat([number(1n), number(2n ** 64n - 1n)]), handle),
  ]).flat()
  await send(Buffer.concat([hello, ...flood]))
  process.stdin.end('mine')
  await process.exited
  expect(Buffer.concat(chunks).toString()).toBe('mine')
})

test('plans of a second client cannot have flags that share the keeper with a child', async () => {
  await using second = await Session.attach(session.directory)
  const plan = new Plan().exec(['/bin/true'], [], 0)
  for (const namespaces of [0x100, 0x200, 0x400, 0x800, 0x8000, 0x10000, 0x1000, 2 ** 33, 0x4000]) {
    await expect(second.client.spawn({ kind: 'container', id: 'x', namespaces, plan })).rejects.toBeDefined()
  }
  await expectUndisturbed()
})

test('five seconds of random and of nearly right frames change nothing', { timeout: 30_000 }, async () => {
  const plan = new Plan()
    .newMount(0, 'tmpfs', ['mode=755'], 0)
    .enterRoot(0)
    .mkdir('/a', 0o755, 0, 0)
    .exec(['/a'], ['A=b'], 0)
  const right = encodeFrame(clientFrames.spawn, 7, encodeSpawn({ kind: 'container', namespaces: 0x20000000, plan }))
  const types = Object.values(clientFrames).filter((type) => type !== clientFrames.shutdown)
  const end = performance.now() + 5000
  let rounds = 0
  for (; performance.now() < end; rounds++) {
    const mutated = Buffer.from(right)
    for (const at of randomBytes(1 + (rounds % 4))) {
      const where = FRAME_HEADER + ((at * 256 + (randomBytes(1)[0] ?? 0)) % (mutated.length - FRAME_HEADER))
      mutated[where] = randomBytes(1)[0] ?? 0
    }
    const noise = types.map((type) => frame(type, randomBytes(rounds % 64), rounds))
    await send(
      [
        randomBytes(1 + (rounds % 4096)),
        Buffer.concat([hello, mutated]),
        Buffer.concat(noise),
        mutated.subarray(0, rounds % mutated.length),
      ][rounds % 4] ?? hello,
    )
    if (rounds % 16 === 0) await turn()
  }
  expect(rounds).toBeGreaterThan(100)
  await expectUndisturbed()
  expect((await session.client.list()).map(({ id }) => id)).toEqual([bystander.id])
  await bystander[Symbol.asyncDispose]()
})
