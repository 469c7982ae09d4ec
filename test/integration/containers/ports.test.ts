import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { networkInterfaces } from 'node:os'
import { randomBytes } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { withContainer, type Container } from '../../../src/index.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
afterAll(() => root[Symbol.dispose]())

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

/** A server on a port that answers with a word. */
function server(word: string, ...ports: number[]): string[] {
  const each = ports.map(
    (port) => `mkdir -p /tmp/${port}; echo ${word}${port} > /tmp/${port}/index.html; httpd -p ${port} -h /tmp/${port}`,
  )
  return ['sh', '-c', [...each, 'exec sleep 60'].join('; ')]
}

async function get(url: string): Promise<string> {
  const answer = await fetch(url)
  return (await answer.text()).trim()
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

test('several ports are published, each on a free one', async () => {
  await withContainer({ image, ports: [8080, 8081], command: server('p', 8080, 8081) }, async (container) => {
    await expect.poll(() => get(container.url(8080)).catch(String)).toBe('p8080')
    expect(await get(container.url(8081))).toBe('p8081')
    expect(container.port(8080)).not.toBe(container.port(8081))
    expect(container.address(8080)).toEqual({ host: '127.0.0.1', port: container.port(8080) })
    const error = await errorOf(Promise.resolve().then(() => (container as Container).port(9)))
    expect(error).toMatchObject({ code: 'ERR_PORT_NOT_PUBLISHED', container: container.id })
    expect(error.message).toContain('8080, 8081')
  })
})

test('a server that knows only IPv4 is reached over IPv6 and by name too', async ({ skip }) => {
  if (!hasIpv6) skip('this machine has no ::1')
  await withContainer({ image, ports: [8080], command: server('six', 8080) }, async (container) => {
    const port = container.port(8080)
    await expect.poll(() => get(`http://[::1]:${port}`).catch(String)).toBe('six8080')
    expect(await get(`http://localhost:${port}`)).toBe('six8080')
    expect(container.publishedPorts.map(({ address }) => address)).toEqual(['127.0.0.1', '::1'])
  })
})

test('a host port can be fixed, and one that is taken is named', async () => {
  const host = await freePort()
  const ports = [{ container: 8080, host }]
  await withContainer({ image, ports, command: server('fixed', 8080) }, async (container) => {
    expect(container.port(8080)).toBe(host)
    await expect.poll(() => get(`http://127.0.0.1:${host}`).catch(String)).toBe('fixed8080')
    const error = await errorOf(withContainer({ image, ports, command: ['true'] }))
    expect(error).toMatchObject({ code: 'ERR_PORT_UNAVAILABLE', phase: 'start', errno: 'EADDRINUSE' })
    expect(error.message).toContain(String(host))
    expect(await get(container.url(8080))).toBe('fixed8080')
  })
  await withContainer({ image, ports, command: server('again', 8080) }, async (container) => {
    await expect.poll(() => get(container.url(8080)).catch(String)).toBe('again8080')
  })
})

test('a port of this process that is taken is named', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const error = await errorOf(withContainer({ image, ports: [{ container: 1, host: port }], command: ['true'] }))
  expect(error.code).toBe('ERR_PORT_UNAVAILABLE')
  taken.close()
})

test('a low host port needs a privilege, which is said', async ({ skip }) => {
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  if (first <= 80 || process.getuid?.() === 0) skip('every port is free to use here')
  const error = await errorOf(withContainer({ image, ports: [{ container: 80, host: 80 }], command: ['true'] }))
  expect(error).toMatchObject({ code: 'ERR_PORT_UNAVAILABLE', errno: 'EACCES' })
  expect(error.hint).toContain('1024')
})

test('an address can be chosen, one that is not there is refused', async () => {
  const ports = [{ container: 8080, address: '127.0.0.2' }]
  await withContainer({ image, ports, command: server('two', 8080) }, async (container) => {
    const { host, port } = container.address(8080)
    expect(host).toBe('127.0.0.2')
    await expect.poll(() => get(`http://127.0.0.2:${port}`).catch(String)).toBe('two8080')
    expect(await get(container.url(8080))).toBe('two8080')
    await expect(get(`http://127.0.0.1:${port}`)).rejects.toThrow()
  })
  const nowhere = [{ container: 80, address: '192.0.2.77' }]
  const error = await errorOf(withContainer({ image, ports: nowhere, command: ['true'] }))
  expect(error.code).toBe('ERR_PORT_UNAVAILABLE')
})

test('an address that means all of them is reached at loopback', async () => {
  for (const [address, host] of [['0.0.0.0', '127.0.0.1'], ...(hasIpv6 ? [['::1', '::1']] : [])] as [
    string,
    string,
  ][]) {
    const ports = [{ container: 8080, address }]
    await withContainer({ image, ports, command: server('all', 8080) }, async (container) => {
      expect(container.address(8080).host).toBe(host)
      await expect.poll(() => get(container.url(8080)).catch(String)).toBe('all8080')
    })
  }
})

test('the same port of two containers, and one port twice', async () => {
  const start = (word: string) => withContainer({ image, ports: [8080, 8080], command: server(word, 8080) })
  const [one, two] = await Promise.all([start('one'), start('two')])
  await expect.poll(() => get(one.url(8080)).catch(String)).toBe('one8080')
  await expect.poll(() => get(two.url(8080)).catch(String)).toBe('two8080')
  const published = one.publishedPorts.filter(({ address }) => address === '127.0.0.1')
  expect(new Set(published.map(({ host }) => host)).size).toBe(2)
  for (const { host } of published) expect(await get(`http://127.0.0.1:${host}`)).toBe('one8080')
  await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()])
})

test('connections seem to come from elsewhere than 127.0.0.1', async () => {
  const command = ['sh', '-c', 'while :; do nc -l -p 7000 -e sh -c "netstat -tn | grep -m1 :7000.*ESTAB"; done']
  await withContainer({ image, ports: [7000], command: ['sleep', '60'] }, async (container) => {
    const listening = await container.execStream(command)
    const ask = async (): Promise<string> => {
      const socket = connect(container.address(7000))
      return String(await buffer(socket))
    }
    await expect.poll(() => ask().catch(String), { timeout: 5000 }).toMatch(/172\.30\.0\.2:\d+ +172\.30\.0\.2:/)
    await listening[Symbol.asyncDispose]()
  })
})

test('nobody listening inside is a closed connection outside', async () => {
  await withContainer({ image, ports: [8080], command: ['sleep', '60'] }, async (container) => {
    await expect(get(container.url(8080))).rejects.toThrow('fetch failed')
  })
})

test('10 MB pass both ways, and the end of one side is passed on', async () => {
  const bytes = randomBytes(10_000_000)
  await withContainer(
    { image, ports: [7000], command: ['sh', '-c', 'nc -l -p 7000 -e cat; exec sleep 60'] },
    async (container) => {
      await expect.poll(() => shell(container, 'grep -c 1B58 /proc/net/tcp*')).toMatch(/:1/)
      const socket = connect({ ...container.address(7000), allowHalfOpen: true })
      socket.end(bytes)
      expect((await buffer(socket)).equals(bytes)).toBe(true)
    },
  )
})

test("with the host network nothing is forwarded, the port is the host's", async () => {
  const port = await freePort()
  const options = { image, network: 'host' as const, ports: [port], command: server('host', port) }
  await withContainer(options, async (container) => {
    expect(container.port(port)).toBe(port)
    await expect.poll(() => get(container.url(port)).catch(String)).toBe(`host${port}`)
  })
})

test('after the end of a container its ports are free', async () => {
  const container = await withContainer({ image, ports: [8080], command: server('x', 8080) })
  const { port } = container.address(8080)
  await container[Symbol.asyncDispose]()
  const again = createServer().listen(port, '127.0.0.1')
  await once(again, 'listening')
  again.close()
})

// Not by busybox's server, which lets nine wait: the others would knock again after one, two, four and eight seconds.
test('a hundred connections at once', async () => {
  const script = 'require("http").createServer((_, answer) => answer.end("many")).listen(8080)'
  const options = { ports: [8080], command: ['node', '-e', script], wait: { port: 8080 } }
  await withContainer(options, async (container) => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(container.url(8080))))
    expect(new Set(answers)).toEqual(new Set(['many']))
  })
})
