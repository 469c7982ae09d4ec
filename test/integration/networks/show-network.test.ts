import { expect, test } from 'vitest'
import { createNetwork } from '../../../src/index.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { checkLeftovers } from '../../support/containers.ts'

checkLeftovers()

/** A helper that is shown the network as a file, and what it sees then. */
function looking(network: number, path: string, script: string): Plan {
  const plan = new Plan()
  const slot = plan.slot()
  plan.networkOf(slot, network).showNetwork(slot, path)
  return plan.hostExec(['/bin/sh', '-c', script], ['PATH=/bin:/usr/bin:/sbin:/usr/sbin'])
}

test('a network is the only file of a directory, for one helper alone', async () => {
  await using network = await createNetwork()
  const { client } = network.session
  const run = async (plan: Plan): Promise<string> => {
    const helper = await client.spawn({ kind: 'helper', attached: true, plan })
    return (await helper.collect()).output.toString()
  }
  const inside = new Plan()
  const slot = inside.slot()
  inside.networkOf(slot, network.handle).joinNetwork(slot)
  const namespace = await run(inside.hostExec(['/bin/stat', '-L', '-c', '%i', '/proc/self/ns/net'], []))
  const script = 'ls -A /tmp; stat -L -c %i /tmp/network'
  expect(await run(looking(network.handle, '/tmp/network', script))).toBe(`network\n${namespace}`)
  const others = await run(new Plan().hostExec(['/bin/cat', '/proc/self/mounts'], []))
  expect(others).not.toContain(' /tmp/network ')
})

test.for([
  ['a relative one', 'network', 'EINVAL'],
  ['one in the root', '/network', 'EINVAL'],
  ['a very long one', `/${'x'.repeat(5000)}/network`, 'EINVAL'],
  ['one in no directory', '/no/such/directory/network', 'ENOENT'],
  ['one in a file', '/etc/passwd/network', 'ENOTDIR'],
] as const)('a path that cannot be covered is refused: %s', async ([, path, errnoName]) => {
  await using network = await createNetwork()
  const starting = network.session.client.spawn({ kind: 'helper', plan: looking(network.handle, path, 'true') })
  await expect(starting).rejects.toMatchObject({ what: 'showNetwork', errnoName })
})
