import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { createNetwork, withContainer } from '../../../src/index.ts'
import { checkLeftovers, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
afterAll(() => root[Symbol.dispose]())

/** Says a word to whoever connects. */
async function saying(word: string, host: string): Promise<{ server: Server; port: number } & AsyncDisposable> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(`${word}\n`)).listen(0, host)
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  return { server, port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close }
}

const ask = (port: number): string => `nc -w 2 172.30.0.1 ${port} < /dev/null 2>&1`

test.each(['none', 'session'])("allowed ports of the host's loopback are reached, with network %s", async (network) => {
  await using four = await saying('four', '127.0.0.1')
  await using six = await saying('six', '::1')
  await using closed = await saying('closed', '127.0.0.1')
  const options = { image, network, hostAccess: [four.port, six.port], command: ['sleep', '600'] }
  await using container = await withContainer(options)
  expect(await shell(container, ask(four.port))).toBe('four')
  expect(await shell(container, ask(six.port))).toBe('six')
  expect(await shell(container, ask(closed.port))).toContain('refused')
  expect(await shell(container, 'grep -w host.airplant.internal /etc/hosts')).toBe('172.30.0.1\thost.airplant.internal')
})

test('a program may connect as its very first act', async () => {
  await using server = await saying('early', '127.0.0.1')
  for (let round = 0; round < 10; round++) {
    const command = ['nc', '-w', '2', '172.30.0.1', `${server.port}`]
    await using container = await withContainer({ image, hostAccess: [server.port], command, attach: true })
    await container.wait()
    expect((await container.logs()).stdout).toBe('early\n')
  }
})

test('who was not allowed is refused, also beside one who was', async () => {
  await using server = await saying('secret', '127.0.0.1')
  await using network = await createNetwork()
  await using allowed = await withContainer({ image, network, hostAccess: [server.port], command: ['sleep', '600'] })
  await using other = await withContainer({ image, network, command: ['sleep', '600'] })
  expect(await shell(allowed, ask(server.port))).toBe('secret')
  expect(await shell(other, ask(server.port))).toContain('refused')
  const address = allowed.networks[0]!.ip
  expect(await shell(other, `nc -w 2 ${address} ${server.port} < /dev/null 2>&1`)).toContain('refused')
})

test('a hundred connections at once pass, and one to nobody is reset', async () => {
  await using server = await saying('word', '127.0.0.1')
  await using container = await withContainer({ image, hostAccess: [server.port], command: ['sleep', '600'] })
  const all = `for i in $(seq 100); do ${ask(server.port)} & done; wait`
  expect((await shell(container, all)).split('\n').filter((line) => line === 'word')).toHaveLength(100)
  await server[Symbol.asyncDispose]()
  expect(await shell(container, `${ask(server.port)} | wc -c`)).not.toContain('word')
})
