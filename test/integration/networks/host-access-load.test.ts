import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import type { Container, FixtureOptions } from '../../../src/index.ts'
import { createNetwork, withContainer } from '../../../src/index.ts'
import { checkLeftovers } from '../../support/containers.ts'
import { listenTcp, type Listener } from '../../support/listeners.ts'
import { compileReacher, reach, REACH } from '../../support/reach.ts'

checkLeftovers()
const { files } = compileReacher()
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

function saying(word: string, host = '127.0.0.1'): Promise<Listener> {
  return listenTcp(createServer((socket) => socket.end(word)), 0, host) // prettier-ignore
}

function guest(options: FixtureOptions): Promise<Container> {
  return withContainer({ image: 'host', files, command: ['sleep', '600'], ...options })
}

test('200 connections at once to an allowed port are answered, each', async () => {
  await using server = await saying('word')
  await using container = await guest({ hostAccess: [server.port] })
  const attempts = Array.from({ length: 200 }, () => `tcp,host.airplant.internal,${server.port}`)
  const { stdout } = await container.exec([REACH, ...attempts], { env: { REACH_PATIENCE: '20000' } })
  expect(stdout.trim().split('\n')).toEqual(attempts.map((attempt) => `${attempt} word`))
})

test('when the server has gone connections are reset, and pass again when it is back', async () => {
  const server = await saying('first')
  const { port } = server
  await using container = await guest({ hostAccess: [port] })
  const attempt = `tcp,172.30.0.1,${port}`
  const ask = async (): Promise<string> => (await reach(container, [attempt]))[attempt]!
  expect(await ask()).toBe('first')
  await server[Symbol.asyncDispose]()
  expect(await ask()).toBe('reset')
  await using _ = await listenTcp(createServer((socket) => socket.end('second')), port, '127.0.0.1') // prettier-ignore
  expect(await ask()).toBe('second')
})

test('a server that listens on ::1 only is reached, and IPv4 is preferred where both are there', async ({ skip }) => {
  if (!hasIpv6) skip('this machine has no ::1')
  await using six = await saying('six', '::1')
  await using both = await saying('four')
  await using _ = await listenTcp(createServer((socket) => socket.end('six')), both.port, '::1') // prettier-ignore
  await using network = await createNetwork()
  await using container = await guest({ network, hostAccess: [six.port, both.port] })
  expect(
    Object.values(
      await reach(
        container,
        [six, both].map(({ port }) => `tcp,172.30.0.1,${port}`),
      ),
    ).sort(),
  ).toEqual(
    ['four', 'six'], // prettier-ignore
  )
})

test('who shares the network of one that was allowed has what it has', async () => {
  await using server = await saying('word')
  await using first = await guest({ name: 'first', hostAccess: [server.port] })
  await using beside = await guest({ network: { container: first } })
  const attempt = `tcp,host.airplant.internal,${server.port}`
  expect(await reach(beside, [attempt])).toEqual({ [attempt]: 'word' })
})
