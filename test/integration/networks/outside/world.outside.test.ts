import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { checkLeftovers, outputOf } from '../../../support/containers.ts'
import { trapLoopback } from '../../../support/loopback-trap.ts'
import { outside } from '../../../support/outside.ts'
import { serveNames } from '../../../support/outside-names.ts'
import { serveOutside } from '../../../support/outside-servers.ts'

checkLeftovers()

describe('the test world "outside"', () => {
  test('has no interface of the machine, and no route but by its own', () => {
    const interfaces = dataLines('/proc/net/dev', 2).map((line) => line.split(':')[0])
    expect(interfaces.sort()).toEqual(['beyond0', 'lo', 'outside0'])
    expect(dataLines('/proc/net/route', 1).map((line) => line.split('\t')[0])).toEqual(['outside0', 'outside0'])
    const devices = dataLines('/proc/net/ipv6_route', 0).map((line) => line.split(/\s+/).at(-1))
    expect([...new Set(devices)].sort()).toEqual(['beyond0', 'lo', 'outside0'])
  })

  test('knows no name server but its own', () => {
    expect(dataLines('/etc/resolv.conf', 0)).toEqual([`nameserver ${outside.nameServer}`])
  })

  test('runs as an ordinary account without capabilities', () => {
    const status = readFileSync('/proc/self/status', 'utf8')
    expect(process.getuid?.()).not.toBe(0)
    expect(status).toMatch(/^CapPrm:\t0+\nCapEff:\t0+$/m)
  })

  test("gives containers the account's subordinate IDs", async () => {
    const extents = (await outputOf('cat /proc/self/uid_map')).split('\n').map((line) => line.trim().split(/\s+/))
    expect(extents[0]).toEqual(['0', String(process.getuid?.()), '1'])
    expect(extents.slice(1).reduce((sum, [, , count]) => sum + Number(count), 0)).toBeGreaterThan(65_000)
  })
})

describe.each([outside.ipv4, outside.ipv6])('the servers at %s', (address) => {
  const host = address.includes(':') ? `[${address}]` : address

  test('answer HTTP, also from a container with the network of the host', async () => {
    await using servers = await serveOutside()
    expect(await (await fetch(`http://${host}/`)).text()).toBe('outside')
    const script = `node -e "fetch('http://${host}/').then((answer) => answer.text()).then(console.log)"`
    expect(await outputOf(script, { network: 'host' })).toBe('outside')
    expect(servers.peers).toEqual([address, address])
  })

  test('send back what comes, by TCP and UDP', async () => {
    await using _servers = await serveOutside()
    const socket = connect({ port: outside.ports.echo, host: address, allowHalfOpen: true }).end('by TCP')
    expect(await text(socket)).toBe('by TCP')
    const client = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    client.send('by UDP', outside.ports.echo, address)
    const [message] = (await once(client, 'message')) as [Buffer]
    client.close()
    expect(message.toString()).toBe('by UDP')
  })
})

describe('the resolver', () => {
  test('gives its names, also to a container with the network of the host', async () => {
    await using names = await serveNames()
    const resolver = new Resolver()
    expect(await resolver.resolve4('outside.test')).toEqual([outside.ipv4])
    expect(await resolver.resolve6('outside.test')).toEqual([outside.ipv6])
    expect(await resolver.reverse(outside.ipv4)).toEqual(['outside.test'])
    expect(await resolver.reverse(outside.ipv6)).toEqual(['outside.test'])
    expect(names.queries.slice(0, 2)).toEqual(['udp A outside.test', 'udp AAAA outside.test'])
    const script = `node -e "require('dns').lookup('four.outside.test', (error, address) => console.log(error ?? address))"`
    expect(await outputOf(script, { network: 'host' })).toBe(outside.ipv4)
  })

  test('says what does not exist, and what has no such record', async () => {
    await using _names = await serveNames()
    const resolver = new Resolver()
    await expect(resolver.resolve4('elsewhere.test')).rejects.toThrow('ENOTFOUND')
    await expect(resolver.resolve6('four.outside.test')).rejects.toThrow('ENODATA')
  })

  test('gives by TCP what is too large for a datagram', async () => {
    await using names = await serveNames()
    expect(await new Resolver().resolve4('large.outside.test')).toHaveLength(60)
    expect(names.queries).toEqual(['udp A large.outside.test', 'tcp A large.outside.test'])
  })

  test('keeps silent where that is wanted', async () => {
    await using names = await serveNames()
    const resolver = new Resolver({ timeout: 100, tries: 1 })
    await expect(resolver.resolve4('silent.outside.test')).rejects.toThrow('ETIMEOUT')
    expect(names.queries).toEqual(['udp A silent.outside.test'])
  })
})

test('a loopback trap notes what reaches it', async () => {
  await using trap = await trapLoopback()
  expect(await text(connect(trap.port, '127.0.0.1'))).toBe('loopback')
  const client = createSocket('udp6')
  client.send('anyone', trap.port, '::1')
  await once(client, 'message')
  client.close()
  expect(trap.seen).toEqual(['tcp 127.0.0.1', 'udp ::1'])
})

function dataLines(path: string, headings: number): string[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(headings)
    .map((line) => line.trim())
}
