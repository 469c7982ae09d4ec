import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Session, withContainer, type Container, type PortOption } from '../../../src/index.ts'
import { checkLeftovers, errorOf } from '../../support/containers.ts'
import { forwardersOf, residentBytes } from '../../support/forwarders.ts'
import { UdpClient } from '../../support/udp-client.ts'

checkLeftovers()

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

// Answers "who" with the address that the question seemed to come from, and anything else with itself.
const server = `
const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 400000, sendBufferSize: 400000 })
socket.on('message', (message, { address, port }) => {
  socket.send(String(message) === 'who' ? address + ':' + port : message, port, address)
})
net.createServer((each) => each.end('tcp')).listen(7000, () => socket.bind(7000, () => console.log('listening')))
`

// In a process of its own, so that this one has time to see who is served meanwhile.
const flood = `
const message = Buffer.alloc(1000)
const sockets = Array.from({ length: 2000 }, () => dgram.createSocket('udp4').on('message', () => {}))
for (const socket of sockets) socket.connect(Number(process.argv[1]), '127.0.0.1', () => send(socket, 100))
function send(socket, left) {
  if (left === 0) return socket.close()
  socket.send(message, () => setImmediate(send, socket, left - 1))
}
`

async function withServer<Result>(
  ports: readonly PortOption[],
  use: (container: Container) => Promise<Result>,
  session?: Session,
): Promise<Result> {
  const options = { command: ['node', '-e', server], ports, wait: { log: 'listening' } }
  return await withContainer({ ...options, ...(session && { session }) }, use)
}

async function tcpAnswer(container: Container): Promise<string> {
  const tcp = container.publishedPorts.find(({ protocol }) => protocol === 'tcp')
  return String(await buffer(connect(tcp?.host ?? 0, '127.0.0.1')))
}

const udp = { container: 7000, protocol: 'udp' } as const

test('a datagram reaches the container, and its answer comes back', async () => {
  await withServer([udp], async (container) => {
    expect(container.publishedPorts[0]).toMatchObject({ container: 7000, protocol: 'udp', address: '127.0.0.1' })
    await using client = await UdpClient.connect(container.address(7000))
    expect(String(await client.ask('hello'))).toBe('hello')
    expect(await client.ask('')).toEqual(Buffer.alloc(0))
    const largest = randomBytes(65_507)
    expect((await client.ask(largest))?.equals(largest)).toBe(true)
  })
})

test('the question seems to come from the container itself, never from loopback', async () => {
  await withServer([udp], async (container) => {
    await using client = await UdpClient.connect(container.address(7000))
    expect(String(await client.ask('who'))).toMatch(/^172\.30\.0\.2:\d+$/)
  })
})

test('two clients are kept apart, and each is always the same one', async () => {
  await withServer([udp], async (container) => {
    await using one = await UdpClient.connect(container.address(7000))
    await using two = await UdpClient.connect(container.address(7000))
    const [first, second] = await Promise.all([one.ask('who'), two.ask('who')])
    expect(String(first)).not.toBe(String(second))
    expect(String(await one.ask('who'))).toBe(String(first))
    const words = Array.from({ length: 50 }, (_, index) => String(index))
    const ask = async (client: UdpClient, name: string): Promise<string[]> => {
      const answers: string[] = []
      for (const word of words) answers.push(String(await client.ask(name + word)))
      return answers
    }
    const [ones, twos] = await Promise.all([ask(one, 'one'), ask(two, 'two')])
    expect(ones).toEqual(words.map((word) => `one${word}`))
    expect(twos).toEqual(words.map((word) => `two${word}`))
  })
})

test('IPv4 and IPv6 have the same number', async ({ skip }) => {
  if (!hasIpv6) skip('this machine has no ::1')
  await withServer([udp], async (container) => {
    const port = container.port(7000)
    expect(container.publishedPorts.map(({ host }) => host)).toEqual([port, port])
    await using client = await UdpClient.connect({ host: '::1', port })
    expect(String(await client.ask('six'))).toBe('six')
  })
})

test('the answer comes from the address that was asked, where all are published', async () => {
  await withServer([{ ...udp, address: '0.0.0.0' }], async (container) => {
    const port = container.port(7000)
    for (const host of ['127.0.0.1', '127.0.0.2', '127.99.0.1']) {
      await using client = await UdpClient.connect({ host, port })
      expect(String(await client.ask(host))).toBe(host)
    }
  })
  if (!hasIpv6) return
  await withServer([{ ...udp, address: '::' }], async (container) => {
    await using client = await UdpClient.connect({ host: '::1', port: container.port(7000) })
    expect(String(await client.ask('all'))).toBe('all')
  })
})

test('a port that is taken is named', async () => {
  await withServer([udp], async (container) => {
    const again = { ...udp, host: container.port(7000) }
    const error = await errorOf(withContainer({ ports: [again], command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_PORT_UNAVAILABLE', errno: 'EADDRINUSE' })
    expect(error.message).toContain(`${again.host}/udp`)
  })
})

test('TCP and UDP can have one number, and a protocol that is neither is refused', async () => {
  await withServer([udp], async (first) => {
    const host = first.port(7000)
    await withServer([{ container: 7000, host }], async (second) => {
      expect(second.port(7000)).toBe(host)
      expect(await tcpAnswer(second)).toBe('tcp')
    })
    const sctp = { container: 7000, protocol: 'sctp' as 'udp' }
    expect(await errorOf(withContainer({ ports: [sctp] }))).toMatchObject({ code: 'ERR_INVALID_OPTION' })
  })
})

test('a server that starts late is reached by the client that asked before', async () => {
  const late = `setTimeout(() => {}, 1e6); process.on('SIGUSR2', () => { ${server} }); console.log('waiting')`
  const options = { command: ['node', '-e', late], ports: [udp, 7000], wait: { log: 'waiting' } }
  await withContainer(options, async (container) => {
    const published = container.publishedPorts.find(({ protocol }) => protocol === 'udp')
    await using client = await UdpClient.connect({ host: '127.0.0.1', port: published?.host ?? 0 })
    for (let round = 0; round < 20; round++) await client.send('nobody is there')
    expect(await client.ask('nobody is there', 100)).toBeUndefined()
    await container.signal('SIGUSR2')
    await expect.poll(async () => String(await client.ask('late', 200))).toBe('late')
  })
})

test('after the end of a container its port is free', async () => {
  const port = await withServer([udp], (container) => Promise.resolve(container.port(7000)))
  await withServer([{ ...udp, host: port }], async (container) => {
    await using client = await UdpClient.connect(container.address(7000))
    expect(String(await client.ask('again'))).toBe('again')
  })
})

test('a flood from 2,000 addresses fills no memory, and TCP is served meanwhile', { timeout: 60_000 }, async () => {
  await using session = await Session.start()
  await withServer(
    [7000, udp],
    async (container) => {
      const [pid = 0] = forwardersOf(session)
      const before = residentBytes(pid)
      const port = container.publishedPorts.find(({ protocol }) => protocol === 'udp')?.host ?? 0
      const flooding = promisify(execFile)(process.execPath, ['-e', flood, String(port)])
      let served = 0
      const isOver = flooding.then(() => 'over')
      while ((await Promise.race([isOver, tcpAnswer(container)])) === 'tcp') served++
      expect(served).toBeGreaterThan(10)
      expect(residentBytes(pid) - before).toBeLessThan(16 << 20)
      await using client = await UdpClient.connect({ host: '127.0.0.1', port })
      await expect.poll(async () => String(await client.ask('still', 500))).toBe('still')
    },
    session,
  )
})
