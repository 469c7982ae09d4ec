import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createNetwork, withContainer } from '../../../src/index.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { checkLeftovers } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())

const ROUNDS = 500

test(`${ROUNDS} containers that come and go on a network leave nothing`, { timeout: 300_000 }, async () => {
  await using network = await createNetwork()
  const { session } = network

  /** Interfaces in the network's namespace: those of containers that have gone follow them within a moment. */
  const interfaces = async (): Promise<number> => {
    const plan = new Plan()
    const slot = plan.slot()
    plan.networkOf(slot, network.handle).joinNetwork(slot).hostExec(['/bin/cat', '/proc/net/dev'], [])
    const process = await session.client.spawn({ kind: 'helper', attached: true, plan })
    return (await process.collect()).output.toString().trim().split('\n').length
  }
  const held = (): Record<string, number> => ({
    descriptors: readdirSync('/proc/self/fd').length,
    processes: session.client.live.processes,
    children: readFileSync(`/proc/${session.keeperPid}/task/${session.keeperPid}/children`, 'utf8').split(' ').length,
    addresses: readdirSync(join(session.directory, 'networks', network.name, 'addresses')).length,
    names: readdirSync(join(session.directory, 'networks', network.name, 'names')).length,
    containers: readdirSync(join(session.directory, 'containers')).length,
  })
  const round = async (number: number): Promise<void> => {
    const name = number % 2 === 0 ? { name: 'same' } : {}
    await using container = await withContainer({ image: { rootfs: root.path }, network, ...name, command: ['true'] })
    await container.wait()
  }

  const ports = await interfaces()
  await round(0)
  expect((await defaultSession()).directory).toBe(session.directory)
  await expect.poll(interfaces, { timeout: 20_000 }).toBe(ports)
  const before = held()
  for (let number = 1; number <= ROUNDS; number++) await round(number)
  await expect.poll(interfaces, { timeout: 20_000 }).toBe(ports)
  await expect.poll(held, { timeout: 20_000 }).toEqual(before)
})
