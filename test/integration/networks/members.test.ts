import { utimesSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import type { Container, FixtureOptions } from '../../../src/index.ts'
import { createNetwork, withContainer } from '../../../src/index.ts'
import { Members } from '../../../src/networks/members.ts'
import { viewOf } from '../../../src/networks/network-zone.ts'
import { checkLeftovers, errorOf, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
afterAll(() => root[Symbol.dispose]())

/** A container that answers HTTP on port 80 with a word. */
function server(word: string, options: FixtureOptions): Promise<Container> {
  const command = ['sh', '-c', `echo ${word} > /tmp/index.html; exec httpd -f -p 80 -h /tmp`]
  return withContainer({ image, command, wait: { port: 80 }, ...options })
}

function idle(options: FixtureOptions): Promise<Container> {
  return withContainer({ image, command: ['sleep', '600'], ...options })
}

/** Asks a server; names are looked for in /etc/hosts, because busybox's static program has no resolver. */
function get(name: string): string {
  const lookUp = `awk -v name=${name} '!/:/ { for (i = 2; i <= NF; i++) if ($i == name) { print $1; exit } }' /etc/hosts`
  const address = /^\d|:/.test(name) ? `'${name}'` : `"$(${lookUp})"`
  return `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 80 2>&1 | tail -n 1`
}

test('members reach each other by name, alias and address, over IPv4 and IPv6', async () => {
  await using network = await createNetwork()
  await using db = await server('db', { network, name: 'db', aliases: ['postgres', 'store'] })
  await using app = await idle({ network })
  const [{ ip, ip6 } = { ip: '', ip6: undefined }] = db.networks
  for (const name of ['db', 'postgres', 'store', ip]) expect(await shell(app, get(name))).toBe('db')
  if (ip6 !== undefined) expect(await shell(app, get(ip6))).toBe('db')
  expect(await shell(db, get('db'))).toBe('db')
})

test('one that comes later is found by those that are there, and one that goes is not any more', async () => {
  await using network = await createNetwork()
  await using app = await idle({ network, name: 'app' })
  expect(await shell(app, 'grep -c late /etc/hosts')).toBe('0')
  {
    await using _ = await server('late', { network, name: 'late' })
    expect(await shell(app, get('late'))).toBe('late')
  }
  expect(await shell(app, 'grep -c late /etc/hosts')).toBe('0')
  await using _ = await server('again', { network, name: 'late' })
  expect(await shell(app, get('late'))).toBe('again')
})

test('a container whose program has ended is not found any more, though it was not disposed', async () => {
  await using network = await createNetwork()
  await using app = await idle({ network })
  await using short = await withContainer({ image, network, name: 'short', command: ['true'] })
  await short.wait()
  expect(await shell(app, 'grep -c short /etc/hosts')).toBe('0')
  await using _ = await idle({ network, name: 'short' })
})

test('a fixed address is given, again after its holder went, and to nobody else meanwhile', async () => {
  await using network = await createNetwork({ subnet: '10.91.7.0/24' })
  const on = { network: { network, ip: '10.91.7.77' }, name: 'fixed' } as const
  await using app = await idle({ network })
  for (const word of ['one', 'two']) {
    await using holder = await server(word, on)
    expect(holder.networks[0]?.ip).toBe('10.91.7.77')
    expect(await shell(app, get('10.91.7.77'))).toBe(word)
    const error = await errorOf(idle({ network: on.network }))
    expect(error.code).toBe('ERR_ADDRESS_UNAVAILABLE')
    expect(error.message).toContain(holder.id)
  }
})

test('who gets an address is reached at once, also while the namespace of its last holder is still there', async () => {
  await using network = await createNetwork({ subnet: '10.91.6.0/24' })
  const on = { network: { network, ip: '10.91.6.77' } } as const
  await using app = await idle({ network })
  const first = await server('first', on)
  // It keeps the namespace, and talks as the first one did.
  await using beside = await idle({ network: { container: first } })
  await first[Symbol.asyncDispose]()
  await using _ = await server('second', on)
  await shell(beside, `printf x | nc -w 1 ${network.gateway} 1 2>&1; true`)
  for (let round = 0; round < 5; round++) expect(await shell(app, get('10.91.6.77'))).toBe('second')
})

test.each([
  ['ip', '10.91.8.1', 'the gateway'],
  ['ip', '10.91.8.255', 'the last one'],
  ['ip', '10.91.9.5', 'of another subnet'],
  ['ip6', 'fd00:1:2:3::5', 'of another IPv6 subnet'],
])('%s %s is refused: %s', async (option, address) => {
  await using network = await createNetwork({ subnet: '10.91.8.0/24' })
  const error = await errorOf(idle({ network: { network, [option]: address } }))
  expect(error.code).toBe('ERR_ADDRESS_UNAVAILABLE')
  expect(network.containers()).toEqual([])
})

test("a fixed IPv6 address is nobody's by its number, and one that is refused costs no IPv4 address", async ({
  skip,
}) => {
  await using network = await createNetwork({ subnet: '10.91.11.0/24', subnet6: 'fd00:1:2:3::/64' })
  await using fixed = await idle({ network: { network, ip6: 'fd00:1:2:3::3' } })
  if (fixed.networks[0]?.ip6 === undefined) return skip('no IPv6')
  await using automatic = await idle({ network })
  expect(automatic.networks[0]?.ip6).not.toBe('fd00:1:2:3::3')
  const byNumber = await errorOf(idle({ network: { network, ip: '10.91.11.3' } }))
  expect(byNumber.message).toContain(`fd00:1:2:3::3: container ${fixed.id} has it`)
  const on = { network, ip: '10.91.11.8' }
  const refused = await errorOf(idle({ network: { ...on, ip6: 'fd00:1:2:3::3' } }))
  expect(refused.code).toBe('ERR_ADDRESS_UNAVAILABLE')
  await using both = await idle({ network: { ...on, ip6: 'fd00:1:2:3::8' } })
  expect(both.networks).toMatchObject([{ ip: '10.91.11.8', ip6: 'fd00:1:2:3::8' }])
  const automaticNumber = automatic.networks[0]?.ip6 ?? ''
  expect((await errorOf(idle({ network: { network, ip6: automaticNumber } }))).code).toBe('ERR_ADDRESS_UNAVAILABLE')
})

test('a container that takes its hosts file away from us keeps nobody from coming and going', async () => {
  await using network = await createNetwork()
  await using hostile = await idle({ network, name: 'hostile' })
  await shell(hostile, 'chmod 0 /etc/hosts')
  {
    await using _ = await idle({ network, name: 'neighbour' })
  }
  expect(network.containers().map(({ name }) => name)).toEqual(['hostile'])
})

test('members that come at the same moment of a slow clock are all known', async () => {
  await using network = await createNetwork()
  await using _one = await idle({ network, name: 'one' })
  const moment = new Date(1_000_000_000_000)
  utimesSync(network.paths.members, moment, moment)
  const seen = new Members(network.name, network.paths, network.session.directory)
  expect(seen.named()).toHaveLength(1)
  await using _two = await idle({ network, name: 'two' })
  utimesSync(network.paths.members, moment, moment)
  expect(seen.named()).toHaveLength(2)
})

test('who may ask outside is told by IPv4 addresses only, and no other address passes for it', async ({ skip }) => {
  await using network = await createNetwork()
  await using app = await idle({ network, name: 'app' })
  network.members.letOut(app.id)
  const [{ ip, ip6 } = { ip: '', ip6: undefined }] = app.networks
  expect(viewOf(ip, network, () => []).isOutward).toBe(true)
  if (ip6 === undefined) return skip('no IPv6')
  expect(viewOf(ip6, network, () => [])).toMatchObject({ isOutward: false })
  const { zone } = viewOf(ip6, network, () => [])
  expect(zone.nameOf(ip6)).toBe('app')
  // The same number in the lowest 32 bits.
  const number = ip6.split('::').at(-1)
  expect(zone.nameOf(`${network.subnet6!.split('::')[0]}:0:1:0:${number}`)).toBeUndefined()
})

test('a subnet whose addresses are all taken says so, and gives those that are free again', async () => {
  await using network = await createNetwork({ subnet: '10.91.10.0/29' })
  const members = await Promise.all(Array.from({ length: 5 }, () => idle({ network })))
  const error = await errorOf(idle({ network }))
  expect(error.code).toBe('ERR_ADDRESS_UNAVAILABLE')
  expect(error.message).toContain('10.91.10.0/29')
  const [first] = members
  await first![Symbol.asyncDispose]()
  await using _ = await idle({ network })
  await Promise.all(members.map((member) => member[Symbol.asyncDispose]()))
})

test('a name that another member has is refused, and is free when that has gone', async () => {
  await using network = await createNetwork()
  {
    await using holder = await idle({ network, name: 'db' })
    const error = await errorOf(idle({ network, name: 'DB' }))
    expect(error.code).toBe('ERR_NAME_TAKEN')
    expect(error.message).toContain(holder.id)
    expect(network.containers()).toHaveLength(1)
    await using elsewhere = await createNetwork()
    await using _ = await idle({ network: elsewhere, name: 'db' })
  }
  await using _ = await idle({ network, name: 'db' })
})

test('an alias is shared', async () => {
  await using network = await createNetwork()
  await using one = await idle({ network, aliases: ['web'] })
  await using two = await idle({ network, aliases: ['web'] })
  await using app = await idle({ network })
  const lines = await shell(app, "grep -w web /etc/hosts | grep -v : | grep -v '#' | cut -f 1 | sort")
  expect(lines.split('\n')).toEqual([one, two].map((each) => each.networks[0]?.ip).sort())
})

test('a container on two networks reaches the members of both, which do not reach each other', async () => {
  await using front = await createNetwork({ name: 'front' })
  await using back = await createNetwork({ name: 'back' })
  await using web = await server('web', { network: front, name: 'web' })
  await using db = await server('db', { network: back, name: 'db' })
  await using app = await idle({ network: ['front', { network: back, aliases: ['api'] }], name: 'app' })
  expect(await shell(app, `${get('web')}; ${get('db')}`)).toBe('web\ndb')
  expect(app.networks.map(({ name }) => name)).toEqual(['front', 'back'])
  expect(await shell(web, get('db'))).not.toBe('db')
  const address = db.networks[0]!.ip
  expect(await shell(web, get(address))).toMatch(/unreachable|timed out/)
  expect(await shell(db, 'grep -c api /etc/hosts')).not.toBe('0')
  expect(await shell(web, 'grep -c api /etc/hosts')).toBe('0')
})

test('a running container is connected and disconnected, with names in both directions', async () => {
  await using network = await createNetwork()
  await using db = await server('db', { network, name: 'db' })
  await using late = await server('late', { name: 'late' })
  await network.connect(late, { aliases: ['alias'] })
  expect(await shell(late, get('db'))).toBe('db')
  expect(await shell(db, get('alias'))).toBe('late')
  expect(await shell(late, 'cat /etc/resolv.conf')).toContain(`nameserver ${network.gateway}`)
  expect((await errorOf(network.connect(late))).code).toBe('ERR_INVALID_OPTION')
  await network.disconnect(late)
  expect(await shell(late, `${get('db')}; grep -c db /etc/hosts`)).toMatch(/^(?!db)[^]*\n0$/)
  expect(await shell(db, 'grep -c alias /etc/hosts')).toBe('0')
  expect((await errorOf(network.disconnect(late))).code).toBe('ERR_NETWORK_NOT_FOUND')
  await network.connect(late)
  expect(await shell(late, get('db'))).toBe('db')
})

test('published ports work on a network, and go on when the container was taken off it', async () => {
  await using network = await createNetwork()
  await using web = await server('web', { network, ports: [80] })
  const ask = async (): Promise<string> => (await (await fetch(web.url(80))).text()).trim()
  expect(await ask()).toBe('web')
  await network.disconnect(web)
  expect(await ask()).toBe('web')
})

test("containers share another one's network, and its files of names", async () => {
  await using network = await createNetwork()
  await using db = await server('db', { network, name: 'db' })
  await using side = await idle({ network: { container: db } })
  await using named = await idle({ network: { container: 'db' } })
  expect(await shell(side, get('localhost'))).toBe('db')
  expect(await shell(named, get('db'))).toBe('db')
  await using late = await idle({ network, name: 'late' })
  expect(await shell(side, 'grep -c late /etc/hosts')).not.toBe('0')
  expect((await errorOf(network.connect(side))).code).toBe('ERR_INVALID_OPTION')
  expect((await errorOf(idle({ network: { container: 'nobody' } }))).code).toBe('ERR_CONTAINER_NOT_FOUND')
  expect(late.networks).toHaveLength(1)
})

test('a port wait of one that shares a network counts its own sockets only', async () => {
  await using db = await server('db', { name: 'db' })
  const started = withContainer({
    image,
    network: { container: db },
    command: ['sleep', '600'],
    wait: { port: 80 },
    startTimeout: 500,
  })
  expect((await errorOf(started)).code).toBe('ERR_WAIT_TIMEOUT')
})

test('an unknown network is named with the closest that there is', async () => {
  await using _ = await createNetwork({ name: 'backend' })
  const error = await errorOf(idle({ network: 'backendd' }))
  expect(error.code).toBe('ERR_NETWORK_NOT_FOUND')
  expect(error.hint).toContain('"backend"')
})

test('a network whose name or subnet is taken is refused, and nothing is left of it', async () => {
  await using one = await createNetwork({ name: 'web', subnet: '10.92.0.0/24' })
  expect((await errorOf(createNetwork({ name: 'web' }))).code).toBe('ERR_NAME_TAKEN')
  expect((await errorOf(createNetwork({ subnet: '10.92.0.0/16' }))).code).toBe('ERR_SUBNET_CLASH')
  const networks = await Promise.all(Array.from({ length: 5 }, () => createNetwork()))
  expect(new Set([one, ...networks].map(({ subnet }) => subnet)).size).toBe(6)
  for (const network of networks) await network[Symbol.asyncDispose]()
})

test('the network of the session is there for all that name it', async () => {
  const pair = await Promise.all([idle({ network: 'session', name: 'one' }), idle({ network: 'session', name: 'two' })])
  expect(await shell(pair[0], 'grep -c two /etc/hosts')).not.toBe('0')
  expect(await shell(pair[1], 'grep -c one /etc/hosts')).not.toBe('0')
  for (const container of pair) await container[Symbol.asyncDispose]()
})

test('a network that is disposed takes its interfaces from containers, which live on', async () => {
  const network = await createNetwork()
  await using app = await idle({ network })
  await network[Symbol.asyncDispose]()
  await expect.poll(() => shell(app, 'grep -c eth0 /proc/net/dev')).toBe('0')
  expect((await errorOf(idle({ network: network.name }))).code).toBe('ERR_NETWORK_NOT_FOUND')
  expect((await errorOf(idle({ network }))).code).toBe('ERR_NETWORK_NOT_FOUND')
})

test('a network is not joined twice, by whatever it is called', async () => {
  await using network = await createNetwork({ name: 'twofold' })
  expect((await errorOf(idle({ network: ['twofold', network.id] }))).code).toBe('ERR_INVALID_OPTION')
})

test.each([
  ['aliases', { aliases: ['alias'] }],
  ['dns', { dns: ['192.0.2.1'] }],
  ['dnsSearch', { dnsSearch: ['example.org'] }],
  ['dnsOptions', { dnsOptions: ['ndots:2'] }],
  ['extraHosts', { extraHosts: { other: '192.0.2.2' } }],
  ['hostAccess', { hostAccess: [3000] }],
  ['egress', { egress: true }],
])("%s is refused with another container's network, where nothing would come of it", async (option, options) => {
  const error = await errorOf(idle({ network: { container: 'other' }, ...options }))
  expect(error.code).toBe('ERR_INVALID_OPTION')
  expect(error.message).toContain(option)
})

test('a network that is null is refused as no network', async () => {
  const options = { network: null } as unknown as FixtureOptions
  expect((await errorOf(idle(options))).code).toBe('ERR_INVALID_OPTION')
})
