import type { Container } from '../../src/index.ts'
import { defaultSession } from '../../src/rootless/default-session.ts'
import { Plan } from '../../src/rootless/protocol/plan.ts'

/**
 * Runs a program of the host in a container's network namespace, as its owner: with every right over it, which no container is given.
 * What is out of reach for this one is so for an attacker who got them somehow.
 *
 * @returns what it wrote
 * @example
 * await inNetworkOf(container, ['/usr/sbin/ip', 'route', 'add', 'default', 'via', network.gateway])
 */
export async function inNetworkOf({ id }: Pick<Container, 'id'>, argv: readonly string[]): Promise<string> {
  const { client } = await defaultSession()
  const handle = (await client.list()).find((process) => process.id === id)?.handle ?? 0
  const plan = new Plan()
  const slot = plan.slot()
  plan.networkOf(slot, handle).joinNetwork(slot).hostExec(argv, ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'])
  await using helper = await client.spawn({ kind: 'helper', attached: true, plan })
  const { output } = await helper.collect()
  return output.toString()
}
