import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Container, FixtureOptions, Network } from '../../../../src/index.ts'
import { createNetwork } from '../../../../src/index.ts'
import { checkLeftovers } from '../../../support/containers.ts'
import { inNetworkOf } from '../../../support/in-network-of.ts'
import { closeAll, listenTcp, type Listener } from '../../../support/listeners.ts'
import { trapLoopback, type LoopbackTrap } from '../../../support/loopback-trap.ts'
import { outside } from '../../../support/outside.ts'
import { serveOutside, type OutsideServers } from '../../../support/outside-servers.ts'
import { compileReacher, reach, reachWithRights, SERVED } from '../../../support/reach.ts'

// What stays closed when somebody tries hard. A caller that gets no answer may have reached the host all the same: the trap knows.

checkLeftovers()
const reacher = compileReacher()
const owned: AsyncDisposable[] = []
let network: Network
let elsewhere: Network
let trap: LoopbackTrap
let servers: OutsideServers
/** On the host, where {@link guest} may connect to. */
let allowed: Listener
let out: Container
let guest: Container

/** slirp4netns dials all of them in the host's namespace, whatever its options say, if it gets to see them. */
const disguises = ['127.0.0.1', '127.0.0.53', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::127.0.0.1']

beforeAll(async () => {
  network = await createNetwork()
  elsewhere = await createNetwork()
  trap = await trapLoopback()
  servers = await serveOutside()
  allowed = await listenTcp(createServer((socket) => socket.end('allowed')), 0, '127.0.0.1') // prettier-ignore
  owned.push(trap, servers, allowed, network, elsewhere)
  out = await serve('out', { network, egress: true })
  guest = await serve('guest', { network, hostAccess: [allowed.port] })
})
afterAll(() => closeAll(owned))

async function serve(name: string, options: FixtureOptions): Promise<Container> {
  const container = await reacher.serve(name, { name, ...options })
  owned.push(container)
  return container
}

test("the host's loopback is in no disguise reached by way of the device", async () => {
  const { echo } = outside.ports
  const ways = (host: string, port: number): string[] => [`tcp,${host},${port},eth0`, `udp,${host},${port},eth0`]
  const real = [outside.ipv4, outside.ipv6].flatMap((host) => ways(host, echo))
  const outcomes = await reach(out, [...disguises.flatMap((host) => ways(host, trap.port)), ...real])
  for (const attempt of real) expect(outcomes[attempt], attempt).toBe('hello')
  expect(trap.seen).toEqual([])
})

test("nor by packets of a container's own making", async () => {
  const [own, sibling] = [out, guest].map((each) => each.networks[0]!)
  const sourcesOf = (host: string): string[] =>
    host.includes(':') ? [own!.ip6!, sibling!.ip6!, '::1'] : [own!.ip, sibling!.ip, '127.0.0.1']
  const frames = disguises.flatMap((host) => sourcesOf(host).map((source) => `frame,${host},${trap.port},${source}`))
  const outcomes = await reachWithRights(reacher, out, frames)
  expect(new Set(Object.values(outcomes))).toEqual(new Set(['sent']))
  const before = servers.peers.length
  const { echo } = outside.ports
  const real = [`frame,${outside.ipv4},${echo},${own!.ip}`, `frame,${outside.ipv6},${echo},${own!.ip6}`]
  await reachWithRights(reacher, out, real)
  // They took the same way, later.
  await expect.poll(() => servers.peers.length).toBe(before + 2)
  expect(trap.seen).toEqual([])
})

test("nobody is there in the way's own subnets, which the program would answer for", async () => {
  const { subnet } = JSON.parse(readFileSync(network.paths.egress, 'utf8')) as { subnet: string }
  const begin = subnet.replace(/0\/24$/, '')
  const hosts = [...['2', '3', '100'].map((end) => begin + end), 'fd00::2', 'fd00::3', 'fd00::64', 'fe80::2%eth0']
  const attempts = hosts.flatMap((host) => [
    `tcp,${host},${trap.port}`,
    `udp,${host},${trap.port}`,
    `open,${host},53`,
    `dns,${host},outside.test`,
  ])
  const outcomes = await reach(out, attempts)
  const answers = Object.entries(outcomes).filter(
    ([, outcome]) => !['silent', 'refused', 'unreachable'].includes(outcome),
  )
  expect(Object.fromEntries(answers)).toEqual({})
  expect(trap.seen).toEqual([])
})

test('a network itself listens for questions about names, and for nothing else', async () => {
  const { gateway, gateway6 } = network
  const outcomes = await reach(out, [
    `scan,${gateway}`,
    `scan,${gateway6}`,
    `udp,${gateway},${trap.port}`,
    `udp,${gateway6},67`,
  ])
  expect(Object.values(outcomes).sort()).toEqual(['53', '53', 'refused', 'refused'])
})

test("the host's address has the ports that were allowed, and no other", async () => {
  const both = [allowed.port, SERVED].sort((one, other) => one - other).join()
  const open = await Promise.all([guest, out].map((container) => reach(container, ['scan,172.30.0.1'])))
  expect(open.map((outcome) => outcome['scan,172.30.0.1'])).toEqual([both, String(SERVED)])
})

test('routes of its own lead a container neither to another network nor by a sibling to the host', async () => {
  const stray = await serve('stray', { network })
  const hidden = await serve('hidden', { network: elsewhere })
  const both = await serve('both', { network: [network, elsewhere] })
  const ip = (...args: readonly string[]): Promise<string> =>
    inNetworkOf(stray, ['/bin/sh', '-c', 'exec ip "$@"', 'sh', ...args])
  const { ip: target, ip6: target6 } = hidden.networks[0]!
  const ways = [[network.gateway, network.gateway6!], ...[both, out].map(({ networks: [at] }) => [at!.ip, at!.ip6!])]
  const attempts = [target, target6!].flatMap((host) => [`tcp,${host},${SERVED}`, `udp,${host},${SERVED}`])
  for (const [way = '', way6 = ''] of ways) {
    expect(await ip('route', 'replace', elsewhere.subnet, 'via', way, 'dev', 'eth0', 'onlink')).toBe('')
    expect(await ip('-6', 'route', 'replace', elsewhere.subnet6!, 'via', way6, 'dev', 'eth0', 'onlink')).toBe('')
    expect(Object.values(await reach(stray, attempts)), way).not.toContain('hidden')
  }
  expect(await ip('address', 'del', '172.30.0.1/32', 'dev', 'lo')).toBe('')
  expect(await ip('route', 'add', '172.30.0.1', 'via', guest.networks[0]!.ip, 'dev', 'eth0', 'onlink')).toBe('')
  const attempt = `tcp,172.30.0.1,${allowed.port}`
  expect((await reach(stray, [attempt]))[attempt]).not.toBe('allowed')
})
