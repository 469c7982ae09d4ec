import { afterAll, expect, test } from 'vitest'
import type { Container } from '../../../../src/index.ts'
import { createNetwork } from '../../../../src/index.ts'
import { checkLeftovers } from '../../../support/containers.ts'
import { closeAll } from '../../../support/listeners.ts'
import { outside } from '../../../support/outside.ts'
import { serveNames } from '../../../support/outside-names.ts'
import { serveOutside } from '../../../support/outside-servers.ts'
import { compileReacher, reach, SERVED } from '../../../support/reach.ts'

checkLeftovers()
const reacher = compileReacher()
const owned: AsyncDisposable[] = []
afterAll(() => closeAll(owned))

const members = Array.from({ length: 50 }, (_, index) => `member-${index}`)
const hosts = [outside.ipv4, outside.ipv6, 'outside.test']
const outward = hosts.flatMap((host) => [`tcp,${host},${outside.ports.echo}`, `udp,${host},${outside.ports.echo}`])

test(
  '50 containers reach each other by name and address, and the outside, all at once',
  { timeout: 60_000 },
  async () => {
    owned.push(await serveNames(), await serveOutside())
    const network = await createNetwork()
    owned.push(network)
    const containers = await Promise.all(members.map((name) => reacher.serve(name, { name, network, egress: true })))
    owned.push(...containers)
    const outcomes = await Promise.all(
      containers.map((container) => reach(container, ['in-turn', ...attempts(containers)])),
    )
    const wanted = Object.fromEntries([
      ...outward.map((attempt) => [attempt, 'hello']),
      ...containers.flatMap((container, index) => {
        const { ip } = container.networks[0]!
        const name = members[index]!
        return [...ways(container, name).map((attempt) => [attempt, name]), [`dns,${network.gateway},${name}`, ip]]
      }),
    ]) as Record<string, string>
    for (const outcome of outcomes) expect(outcome).toEqual(wanted)

    function attempts(all: readonly Container[]): string[] {
      const inward = all.flatMap((container, index) => [
        ...ways(container, members[index]!),
        `dns,${network.gateway},${members[index]}`,
      ])
      return [...outward, ...inward]
    }
  },
)

/** By the name in /etc/hosts, and by both addresses. */
function ways(container: Container, name: string): string[] {
  const { ip, ip6 } = container.networks[0]!
  return [`tcp,${name},${SERVED}`, `udp,${ip},${SERVED}`, `tcp,${ip6},${SERVED}`]
}
