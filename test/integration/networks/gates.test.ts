import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type ListenOptions, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Session, withContainer, type Container } from '../../../src/index.ts'
import type { KeeperProcess } from '../../../src/rootless/keeper-client.ts'
import { OWN_NETWORK, Plan } from '../../../src/rootless/protocol/plan.ts'
import { checkLeftovers, shell } from '../../support/containers.ts'
import { forwardersOf, pidInKeeper } from '../../support/forwarders.ts'
import { frameServer, reversed } from '../../support/frame-server.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { UdpClient } from '../../support/udp-client.ts'

// The steps socket, gate and forward: what arrives in a container's network namespace is carried to the host.

checkLeftovers()
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
const root = tinyRoot()
const directory = mkdtempSync('/tmp/airplant-gates-')
let session: Session
let container: Container

beforeAll(async () => {
  session = await Session.start()
  container = await withContainer({ session, image: { rootfs: root.path }, command: ['sleep', '1000'] })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  root[Symbol.dispose]()
  rmSync(directory, { recursive: true })
})

/** Runs a plan that serves gates, in the container's network namespace by slot 0. */
async function serve(build: (plan: Plan, network: number) => Plan): Promise<KeeperProcess> {
  const pid = (await session.client.list()).find(({ id }) => id === container.id)?.hostPid ?? 0
  const plan = new Plan()
  const network = plan.slot()
  plan.openFile(network, `/proc/${pidInKeeper(pid)}/ns/net`)
  return await session.client.spawn({ kind: 'helper', plan: build(plan, network).forward() })
}

async function listen(options: ListenOptions, answer: (socket: Socket) => void): Promise<Server & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }, answer).listen(options)
  await once(server, 'listening')
  const dispose = async (): Promise<void> => {
    server.close()
    await once(server, 'close')
  }
  return Object.assign(server, { [Symbol.asyncDispose]: dispose })
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
const echo = (socket: Socket): void => void socket.on('error', () => undefined).pipe(socket)

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

test("a connection in the container reaches a server on the host's loopback, and no other port does", async () => {
  await using server = await listen({ host: '127.0.0.1', port: 0 }, echo)
  await using helper = await serve((plan, network) =>
    plan.socket(1, network, 'tcp', '172.30.0.2', 3000).gate(1, '127.0.0.1', portOf(server)),
  )
  expect(helper.handle).toBeGreaterThan(0)
  expect(await shell(container, 'echo through | nc 172.30.0.2 3000')).toBe('through')
  expect(await shell(container, `echo no | nc 172.30.0.2 ${portOf(server)} 2>/dev/null || echo refused`)).toBe(
    'refused',
  )
  expect(await shell(container, `echo no | nc 127.0.0.1 3000 2>/dev/null || echo refused`)).toBe('refused')
})

test('the second target is tried when the first refuses', async ({ skip }) => {
  if (!hasIpv6) skip('this machine has no ::1')
  await using server = await listen({ host: '::1', port: 0, ipv6Only: true }, echo)
  const port = portOf(server)
  await using helper = await serve((plan, network) =>
    plan.socket(1, network, 'tcp', '127.0.0.1', 3001).gate(1, '127.0.0.1', port).gate(1, '::1', port),
  )
  expect(helper.handle).toBeGreaterThan(0)
  expect(await shell(container, 'echo six | nc 127.0.0.1 3001')).toBe('six')
})

test('a Unix socket is a target, also one whose path is too long for its address', async () => {
  await using server = await listen({ path: join(directory, 'stream') }, echo)
  const link = join(directory, 'l'.repeat(120))
  symlinkSync(directory, link)
  await using helper = await serve((plan, network) =>
    plan
      .socket(1, network, 'tcp', '127.0.0.1', 3002)
      .gate(1, join(directory, 'stream'), 0)
      .socket(2, network, 'tcp', '127.0.0.1', 3003)
      .gate(2, join(link, 'stream'), 0),
  )
  expect(helper.handle).toBeGreaterThan(0)
  expect(server.listening).toBe(true)
  // The client's address, as IPv6 has it, and then its own bytes.
  const hex = (port: number): string => `echo hi | nc 127.0.0.1 ${port} | xxd -p`
  expect(await shell(container, hex(3002))).toBe('00000000000000000000ffff7f00000168690a')
  expect(await shell(container, hex(3003))).toBe('00000000000000000000ffff7f00000168690a')
  expect(await shell(container, 'head -c 3000000 /dev/zero | nc 127.0.0.1 3003 | wc -c')).toBe('3000016')
})

test('nobody behind a gate is a reset, until somebody is there', async () => {
  const path = join(directory, 'later')
  await using helper = await serve((plan) => plan.socket(1, OWN_NETWORK, 'tcp', '127.0.0.1', 34_717).gate(1, path, 0))
  expect(helper.handle).toBeGreaterThan(0)
  const ask = async (): Promise<string> => {
    const socket = connect(34_717, '127.0.0.1')
    socket.end('anyone?')
    return (await buffer(socket)).subarray(16).toString()
  }
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' })
  await using server = await listen({ path }, echo)
  expect(server.listening).toBe(true)
  expect(await ask()).toBe('anyone?')
})

test('datagrams become frames of a stream, each client with its own', async () => {
  await using server = await frameServer(join(directory, 'frames'))
  const port = await freeUdpPort()
  await using helper = await serve((plan) =>
    plan.socket(1, OWN_NETWORK, 'udp', '127.0.0.1', port).gate(1, join(directory, 'frames'), 0),
  )
  expect(helper.handle).toBeGreaterThan(0)
  await using one = await UdpClient.connect({ host: '127.0.0.1', port })
  await using two = await UdpClient.connect({ host: '127.0.0.1', port })
  const [first, second] = await Promise.all([one.ask('one'), two.ask('two')])
  expect([String(first), String(second)]).toEqual(['eno', 'owt'])
  for (const size of [0, 1, 2, 512, 65_507]) {
    const message = Buffer.alloc(size, 'abc')
    expect((await one.ask(message))?.equals(reversed(message)), `${size} bytes`).toBe(true)
  }
  expect(server.connections).toBe(2)
})

test('frames that come in pieces, or many at once, are answers each', async () => {
  await using server = await frameServer(join(directory, 'pieces'), 'in pieces')
  const port = await freeUdpPort()
  await using helper = await serve((plan) =>
    plan.socket(1, OWN_NETWORK, 'udp', '127.0.0.1', port).gate(1, join(directory, 'pieces'), 0),
  )
  expect(helper.handle).toBeGreaterThan(0)
  await using client = await UdpClient.connect({ host: '127.0.0.1', port })
  const words = Array.from({ length: 20 }, (_, index) => `${index} word`)
  for (const word of words) await client.send(word)
  const answers: string[] = []
  for (const _ of words) answers.push(String(await client.next()))
  expect(answers).toEqual(words.map((word) => String(reversed(Buffer.from(word)))))
  expect(server.connections).toBe(1)
})

test('a datagram is lost where nobody listens, and the next one finds who came', async () => {
  const path = join(directory, 'udp-later')
  const port = await freeUdpPort()
  await using helper = await serve((plan) => plan.socket(1, OWN_NETWORK, 'udp', '127.0.0.1', port).gate(1, path, 0))
  expect(helper.handle).toBeGreaterThan(0)
  await using client = await UdpClient.connect({ host: '127.0.0.1', port })
  expect(await client.ask('lost', 100)).toBeUndefined()
  {
    await using server = await frameServer(path)
    expect(String(await client.ask('found'))).toBe('dnuof')
    expect(server.connections).toBe(1)
  }
  expect(await client.ask('lost again', 100)).toBeUndefined()
  await using again = await frameServer(path)
  expect(String(await client.ask('back'))).toBe('kcab')
  expect(again.connections).toBe(1)
})

test('datagrams go to the second address when nobody has the first', async () => {
  const server = createSocket('udp4').bind(0, '127.0.0.2')
  await once(server, 'listening')
  server.on('message', (message, { address, port }) => server.send(reversed(message), port, address))
  const { port } = server.address()
  const gate = await freeUdpPort()
  await using helper = await serve((plan) =>
    plan.socket(1, OWN_NETWORK, 'udp', '127.0.0.1', gate).gate(1, '127.0.0.3', port).gate(1, '127.0.0.2', port),
  )
  expect(helper.handle).toBeGreaterThan(0)
  await using client = await UdpClient.connect({ host: '127.0.0.1', port: gate })
  expect(String(await client.ask('alternative'))).toBe('evitanretla')
  server.close()
})

test('the helper has no capabilities, and its sockets go with it', async () => {
  const helper = await serve((plan, network) =>
    plan.socket(1, network, 'tcp', '127.0.0.1', 3004).gate(1, '127.0.0.1', 9),
  )
  const [pid = 0] = forwardersOf(session, 'airplant-gates')
  expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/CapPrm:\s*0+\nCapEff:\s*0+\n/)
  expect(await shell(container, 'netstat -tln | grep -c :3004')).toBe('1')
  await helper[Symbol.asyncDispose]()
  expect(readdirSync('/proc')).not.toContain(String(pid))
  expect(await shell(container, 'netstat -tln | grep -c :3004')).toBe('0')
})

test.each<[string, (plan: Plan) => Plan, string]>([
  ['a port of 0', (plan) => plan.socket(1, OWN_NETWORK, 'tcp', '127.0.0.1', 0), 'EINVAL'],
  ['a port over 65535', (plan) => plan.socket(1, OWN_NETWORK, 'tcp', '127.0.0.1', 65_536), 'EINVAL'],
  ['no address', (plan) => plan.socket(1, OWN_NETWORK, 'tcp', 'localhost', 80), 'EINVAL'],
  ['a path as an address', (plan) => plan.socket(1, OWN_NETWORK, 'tcp', '/tmp/s', 80), 'EINVAL'],
  ['a network slot that is empty', (plan) => plan.socket(1, 7, 'tcp', '127.0.0.1', 8080), 'EBADF'],
  ['a network slot that is none', (plan) => plan.socket(1, 513, 'tcp', '127.0.0.1', 8080), 'EBADF'],
  ['a slot that is none', (plan) => plan.socket(512, OWN_NETWORK, 'tcp', '127.0.0.1', 8080), 'EINVAL'],
  ['a file as a network', (plan) => plan.openFile(2, '/etc/passwd').socket(1, 2, 'tcp', '127.0.0.1', 8080), 'EINVAL'],
  ['an address that is not there', (plan) => plan.socket(1, OWN_NETWORK, 'tcp', '192.0.2.7', 8080), 'EADDRNOTAVAIL'],
  ['a gate without a socket', (plan) => plan.gate(1, '127.0.0.1', 80), 'EBADF'],
  ['a gate of a file', (plan) => plan.openFile(1, '/etc/passwd').gate(1, '127.0.0.1', 80), 'EBADF'],
  [
    'a gate of what took the place of a socket',
    (plan) => socketOf(plan).openFile(1, '/etc/passwd').gate(1, '127.0.0.1', 80),
    'EBADF',
  ],
  ['a gate to no address', (plan) => socketOf(plan).gate(1, 'localhost', 80), 'EINVAL'],
  ['a gate to port 0', (plan) => socketOf(plan).gate(1, '127.0.0.1', 0), 'EINVAL'],
  ['a gate to a path with a port', (plan) => socketOf(plan).gate(1, '/tmp/s', 80), 'EINVAL'],
  ['a name that is too long', (plan) => socketOf(plan).gate(1, `/tmp/${'x'.repeat(200)}`, 0), 'ENAMETOOLONG'],
  [
    'a long path whose directory is not there',
    (plan) => socketOf(plan).gate(1, `/${'x'.repeat(200)}/socket`, 0),
    'ENOENT',
  ],
  [
    'a ninth gate',
    (plan) => Array.from({ length: 9 }).reduce<Plan>((all) => all.gate(1, '127.0.0.1', 80), socketOf(plan)),
    'E2BIG',
  ],
  ['a socket without a gate', (plan) => socketOf(plan).forward(), 'EINVAL'],
  ['no socket at all', (plan) => plan.forward(), 'EINVAL'],
  ['a root that was entered', (plan) => plan.newMount(0, 'tmpfs', [], 0).enterRoot(0).forward(), 'EINVAL'],
  [
    'a root that was entered before the socket',
    (plan) => plan.newMount(0, 'tmpfs', [], 0).enterRoot(0).socket(1, OWN_NETWORK, 'tcp', '127.0.0.1', 8080),
    'EINVAL',
  ],
])('%s is refused', async (_, build, errnoName) => {
  const failing = session.client.spawn({ kind: 'helper', plan: build(new Plan()) })
  await expect(failing).rejects.toMatchObject({ errnoName })
})

function socketOf(plan: Plan): Plan {
  return plan.socket(1, OWN_NETWORK, 'tcp', '127.0.0.1', 34_718)
}

test('a container has none of these steps', async () => {
  const target = (await session.client.list()).find(({ id }) => id === container.id)?.handle ?? 0
  const failing = session.client.spawn({ kind: 'visitor', target, plan: socketOf(new Plan()) })
  await expect(failing).rejects.toMatchObject({ errnoName: 'EINVAL', what: 'socket' })
})
