import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Container, FixtureOptions, Network } from '../../../../src/index.ts'
import { createNetwork } from '../../../../src/index.ts'
import { checkLeftovers } from '../../../support/containers.ts'
import { closeAll, listenTcp } from '../../../support/listeners.ts'
import { trapLoopback, type LoopbackTrap } from '../../../support/loopback-trap.ts'
import { outside } from '../../../support/outside.ts'
import { serveOutside } from '../../../support/outside-servers.ts'
import { compileReacher, reach, reachFromHere, SERVED } from '../../../support/reach.ts'

/**
 * Who reaches what, by TCP and UDP, IPv4 and IPv6: "yes" is all attempts of the column, "no" is none, see {@link targets}. On network A
 * are a1, a2, and out, which has egress; b1 is on B, both on A and B, and inner on an internal one; beside-a1 shares the network of a1;
 * alone and guest have none, and guest may reach ports of the host. The row "here" is the test process.
 */
const table = `
           own  a1   by-name  b1   inner  names-a  names-b  allowed  published  closed  outside  abstract
alone      yes  no   no       no   no     no       no       no       no         no      no       no
guest      yes  no   no       no   no     no       no       yes      yes        no      no       no
a1         yes  yes  yes      no   no     yes      no       no       no         no      no       no
a2         yes  yes  yes      no   no     yes      no       no       no         no      no       no
out        yes  yes  yes      no   no     yes      no       no       no         no      yes      no
b1         yes  no   no       yes  no     no       yes      no       no         no      no       no
both       yes  yes  yes      yes  no     yes      yes      no       no         no      no       no
inner      yes  no   no       no   yes    no       no       no       no         no      no       no
beside-a1  yes  yes  yes      no   no     yes      no       no       no         no      no       no
here       -    no   no       no   no     no       no       yes      yes        yes     yes      yes
`

checkLeftovers()
const reacher = compileReacher()
const owned: AsyncDisposable[] = []
const containers = new Map<string, Container>()
let networks: Readonly<Record<'a' | 'b', Network>>
let trap: LoopbackTrap
let allowed: number
const abstract = `@airplant-test-${process.pid}`

beforeAll(async () => {
  const [a, b, inner] = await Promise.all([createNetwork(), createNetwork(), createNetwork({ internal: true })])
  networks = { a, b }
  trap = await trapLoopback()
  const allowing = await listenTcp(createServer((socket) => socket.end('allowed')), 0, '127.0.0.1') // prettier-ignore
  allowed = allowing.port
  owned.push(await serveOutside(), trap, allowing, await serveAbstract(), a, b, inner)
  const serve = async (name: string, options: FixtureOptions): Promise<void> => {
    const container = await reacher.serve(name, { name, ...options })
    owned.push(container)
    containers.set(name, container)
  }
  await serve('a1', { network: a, ports: [SERVED, { container: SERVED, protocol: 'udp' }] })
  const published = containers.get('a1')!.port(SERVED)
  await serve('a2', { network: a })
  await serve('out', { network: a, egress: true })
  await serve('b1', { network: b })
  await serve('both', { network: [a, b] })
  await serve('inner', { network: inner })
  await serve('alone', {})
  await serve('guest', { hostAccess: [allowed, published] })
  await serve('beside-a1', { network: { container: 'a1' }, command: ['sh', '-c', 'echo listening; exec sleep 600'] })
})
afterAll(() => closeAll(owned))

/** Each with the word of who is there. */
function targets(from: string): Readonly<Record<string, readonly [word: string, attempts: readonly string[]]>> {
  const { a, b } = networks
  const everywhere = [
    '127.0.0.1',
    '::1',
    '172.30.0.1',
    '172.30.0.2',
    a.gateway,
    a.gateway6!,
    outside.ipv4,
    outside.ipv6,
  ]
  const onHost = from === 'here' ? ['127.0.0.1'] : ['172.30.0.1', 'host.airplant.internal']
  const at = (kind: string, hosts: readonly string[], port: number): string[] =>
    hosts.map((host) => `${kind},${host},${port}`)
  const both = (hosts: readonly string[]): string[] => [...at('tcp', hosts, SERVED), ...at('udp', hosts, SERVED)]
  const addressesOf = (name: string, network: number): string[] => {
    const { ip, ip6 } = containers.get(name)!.networks[network]!
    return [ip, ip6!]
  }
  const { echo } = outside.ports
  const own = from === 'beside-a1' ? 'a1' : from
  return {
    own: [own, both(['127.0.0.1', '::1', 'localhost'])],
    a1: ['a1', both(addressesOf('a1', 0))],
    'by-name': ['a1', both(['a1'])],
    b1: ['b1', both(addressesOf('b1', 0))],
    inner: ['inner', both(addressesOf('inner', 0))],
    'names-a': [addressesOf('a1', 0)[0]!, [`dns,${a.gateway},a1`, `dns,${a.gateway6},a1`]],
    'names-b': [addressesOf('b1', 0)[0]!, [`dns,${b.gateway},b1`, `dns,${b.gateway6},b1`]],
    allowed: ['allowed', at('tcp', onHost, allowed)],
    published: ['a1', at('tcp', onHost, containers.get('a1')!.port(SERVED))],
    closed: ['loopback', at('tcp', from === 'here' ? ['127.0.0.1', '::1'] : everywhere, trap.port)],
    outside: [
      'hello',
      [...at('tcp', [outside.ipv4, outside.ipv6], echo), ...at('udp', [outside.ipv4, outside.ipv6], echo)],
    ],
    abstract: ['abstract', [`unix,${abstract}`]],
  }
}

const [columns = [], ...rows] = table.trim().split('\n').map((line) => line.trim().split(/\s+/)) // prettier-ignore

test.for(rows)('from %s', async ([from = '', ...expected]) => {
  const tried = Object.entries(targets(from)).filter(([column]) => expected[columns.indexOf(column)] !== '-')
  const attempts = tried.flatMap(([, [, list]]) => list)
  const container = containers.get(from)
  const outcomes = await (container ? reach(container, attempts) : reachFromHere(reacher, attempts))
  const found = tried.map(([column, [word, list]]) => {
    const reached = list.filter((attempt) => outcomes[attempt] === word)
    const some = list.map((attempt) => `${attempt} ${outcomes[attempt]}`).join('; ')
    return [column, reached.length === list.length ? 'yes' : reached.length === 0 ? 'no' : some]
  })
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(columns.map((column, index) => [column, expected[index]]).filter(([, cell]) => cell !== '-')),
  )
})

/** Node would pad the name with zeros, which belong to it. */
async function serveAbstract(): Promise<AsyncDisposable> {
  const child = spawn(reacher.program, ['serve', 'abstract', abstract], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}
