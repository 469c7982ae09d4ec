import { afterAll, beforeAll, expect, test } from 'vitest'
import { createNetwork } from '../../../../src/index.ts'
import { readEgress } from '../../../../src/networks/egress/egress-record.ts'
import { checkLeftovers, errorOf, shell } from '../../../support/containers.ts'
import { closeAll } from '../../../support/listeners.ts'
import { missingProgram, outside } from '../../../support/outside.ts'
import { serveNames, type NameServer } from '../../../support/outside-names.ts'
import { serveOutside, type OutsideServers } from '../../../support/outside-servers.ts'
import { compileReacher, reach } from '../../../support/reach.ts'

checkLeftovers()
const reacher = compileReacher()
let names: NameServer
let servers: OutsideServers

beforeAll(async () => {
  names = await serveNames()
  servers = await serveOutside()
})
afterAll(() => closeAll([names, servers]))

const addresses = [outside.ipv4, outside.ipv6]
const attempts = addresses.flatMap((host) => [`tcp,${host},${outside.ports.echo}`, `udp,${host},${outside.ports.echo}`])
/** By name: the first address that works, in C by getaddrinfo(3). */
const byName = `tcp,outside.test,${outside.ports.echo}`

const programs = [
  ['slirp4netns', missingProgram('slirp4netns')],
  ['pasta', missingProgram('pasta', 'passt')],
] as const

test.for(programs)(
  '%s connects several containers at once, over IPv4 and IPv6, with names',
  async ([program, missing], { skip }) => {
    if (missing) skip(missing)
    await using network = await createNetwork()
    const containers = await Promise.all(
      Array.from({ length: 4 }, () => reacher.serve('member', { network, egress: program })),
    )
    expect(readEgress(network.paths.egress)?.program).toBe(program)
    const before = servers.peers.length
    const outcomes = await Promise.all(containers.map((container) => reach(container, [...attempts, byName])))
    for (const outcome of outcomes) expect(new Set(Object.values(outcome))).toEqual(new Set(['hello']))
    // It is the host that they come from.
    expect(new Set(servers.peers.slice(before))).toEqual(new Set(addresses))
    for (const container of containers) await container[Symbol.asyncDispose]()
  },
)

test('slirp4netns is taken where both are, and another is refused as long as it runs', async ({ skip }) => {
  const missing = programs.find(([, why]) => why)
  if (missing) skip(missing[1])
  await using network = await createNetwork()
  await using _ = await reacher.serve('one', { network, egress: true })
  expect(readEgress(network.paths.egress)?.program).toBe('slirp4netns')
  const error = await errorOf(reacher.serve('two', { network, egress: 'pasta' }))
  expect(error).toMatchObject({ code: 'ERR_EGRESS_UNAVAILABLE' })
  expect(error.message).toContain('slirp4netns serves it already')
})

test('names come from the resolver of the host: large answers by TCP, search domains, what does not exist', async () => {
  await using network = await createNetwork()
  await using app = await reacher.serve('app', { network, egress: true, dnsSearch: ['outside.test'] })
  const begin = names.queries.length
  expect(
    (await shell(app, 'getent ahostsv4 large.outside.test')).split('\n').filter((line) => line.includes('STREAM')),
  ).toHaveLength(60)
  expect(names.queries.slice(begin)).toContain('tcp A large.outside.test')
  expect(await shell(app, 'getent hosts four')).toContain(outside.ipv4)
  expect(await shell(app, 'getent hosts six')).toContain(outside.ipv6)
  expect(await shell(app, `getent hosts ${outside.ipv4}`)).toContain('outside.test')
  expect(await shell(app, 'getent hosts nowhere.test; echo $?')).toBe('2')
  const node = `node -e "require('dns').promises.resolve4('large.outside.test').then((all) => console.log(all.length))"`
  expect(await shell(app, node)).toBe('60')
})

test('a container without egress reaches nobody outside and finds no name there, at once', async () => {
  await using network = await createNetwork()
  await using open = await reacher.serve('open', { network, egress: true })
  await using shut = await reacher.serve('shut', { network, name: 'shut' })
  expect((await reach(open, [attempts[0]!]))[attempts[0]!]).toBe('hello')
  const begin = names.queries.length
  const outcomes = await reach(shut, [
    ...attempts,
    byName,
    `dns,${network.gateway},outside.test`,
    `dns,${network.gateway},shut`,
  ])
  expect(outcomes).toEqual({
    ...Object.fromEntries(attempts.map((attempt) => [attempt, 'unreachable'])),
    [byName]: 'EADDRNOTAVAIL',
    [`dns,${network.gateway},outside.test`]: 'unknown',
    [`dns,${network.gateway},shut`]: shut.networks[0]!.ip,
  })
  expect(names.queries.slice(begin)).toEqual([])
})

test('an internal network has no way out, but a container may have another network, too', async () => {
  await using internal = await createNetwork({ internal: true, name: 'closed-in' })
  await using network = await createNetwork()
  const error = await errorOf(reacher.serve('no', { network: internal, egress: true }))
  expect(error.code).toBe('ERR_EGRESS_UNAVAILABLE')
  expect(error.message).toContain('"closed-in" is internal')
  expect(internal.containers()).toEqual([])
  await using both = await reacher.serve('both', { network: [internal, network], egress: true })
  expect(new Set(Object.values(await reach(both, [...attempts, byName])))).toEqual(new Set(['hello']))
  await using inner = await reacher.serve('inner', { network: internal })
  expect((await reach(inner, [`dns,${internal.gateway},outside.test`]))[`dns,${internal.gateway},outside.test`]).toBe(
    'unknown',
  )
})

test('one of several networks is the way out, and its end ends that', async () => {
  await using one = await createNetwork()
  const two = await createNetwork()
  await using app = await reacher.serve('app', { network: [two, one], egress: true })
  expect(readEgress(one.paths.egress)).toBeUndefined()
  expect((await reach(app, [attempts[0]!]))[attempts[0]!]).toBe('hello')
  await two[Symbol.asyncDispose]()
  // Its interface goes a moment later.
  await expect.poll(async () => Object.values(await reach(app, [attempts[0]!]))).toEqual(['unreachable'])
})
