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

const names = Array.from({ length: 50 }, (_, index) => `member-${index}`)
const hosts = [outside.ipv4, outside.ipv6, 'outside.test']
const outward = hosts.flatMap((host) => [`tcp,${host},${outside.ports.echo}`, `udp,${host},${outside.ports.echo}`])

/** Of each, what it costs to look at only once. */
interface Member {
  readonly name: string
  readonly ip: string
  readonly ip6: string
  readonly container: Container
}

test(
  '50 containers reach each other by name and address, and the outside, all at once',
  { timeout: 60_000 },
  async () => {
    owned.push(await serveNames(), await serveOutside())
    const network = await createNetwork()
    owned.push(network)
    const members = await Promise.all(
      names.map(async (name): Promise<Member> => {
        const container = await reacher.serve(name, { name, network, egress: true })
        const [{ ip, ip6 = '' } = { ip: '' }] = container.networks
        return { name, ip, ip6, container }
      }),
    )
    owned.push(...members.map(({ container }) => container))
    const wanted: Record<string, string> = Object.fromEntries([
      ...outward.map((attempt) => [attempt, 'hello']),
      ...members.flatMap((member) => ways(member).map((attempt) => [attempt, member.name])),
      ...members.map(({ name, ip }) => [`dns,${network.gateway},${name}`, ip]),
    ])
    const attempts = ['in-turn', ...Object.keys(wanted)]
    const outcomes = await Promise.all(members.map(({ container }) => reach(container, attempts)))
    for (const outcome of outcomes) expect(outcome).toEqual(wanted)
  },
)

/** By the name in /etc/hosts, and by both addresses. */
function ways({ name, ip, ip6 }: Member): string[] {
  return [
    `tcp,${name},${SERVED}`,
    ...[ip, ip6].flatMap((address) => [`tcp,${address},${SERVED}`, `udp,${address},${SERVED}`]),
  ]
}
