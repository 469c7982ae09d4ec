import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createNetwork, withContainer } from '../../../src/index.ts'
import type { Network } from '../../../src/index.ts'
import { parseSubnet } from '../../../src/networks/addresses/subnet.ts'
import { planEgress } from '../../../src/networks/egress/egress-plan.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { checkLeftovers, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()

const nft = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'].find((path) => existsSync(path))

/** What a program of the host prints in a network's namespace. */
async function inNetwork({ session, handle }: Network, argv: readonly string[]): Promise<string> {
  const plan = new Plan()
  const slot = plan.slot()
  plan.networkOf(slot, handle).joinNetwork(slot).hostExec(argv, [])
  const process = await session.client.spawn({ kind: 'helper', attached: true, plan })
  return (await process.collect()).output.toString()
}

test('the rules before a way out are these, as nft shows them', async ({ skip }) => {
  if (nft === undefined) return skip('nft is missing: apt-get install nftables')
  await using network = await createNetwork({ subnet: '10.93.0.0/24' })
  const tap = parseSubnet('10.93.1.0/24')!
  const helper = await network.session.client.spawn({
    kind: 'helper',
    plan: planEgress(network.handle, tap, { hasIpv6: true, hasBridgeFilter: false }),
  })
  expect(await helper.wait()).toMatchObject({ exitCode: 0 })
  expect(await inNetwork(network, [nft, '-nn', 'list', 'ruleset'])).toBe(`table inet airplant {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state 0x2,0x4 accept
		iif "br0" oif "br0" accept
		ip daddr 10.93.1.0/24 drop
		ip daddr 127.0.0.0/8 drop
		ip daddr 0.0.0.0/8 drop
		ip6 daddr ::/96 drop
		ip6 daddr ::ffff:0.0.0.0/96 drop
		ip6 daddr fd00::/64 drop
		iif "br0" oif "tap0" accept
	}

	chain leave {
		type nat hook postrouting priority 100; policy accept;
		oif "tap0" masquerade
	}
}
`)
})

test('the rules keep no neighbours apart, also where the host has br_netfilter', async () => {
  using root = tinyRoot()
  await using network = await createNetwork({ subnet: '10.93.2.0/24' })
  const tap = parseSubnet('10.93.3.0/24')!
  const helper = await network.session.client.spawn({
    kind: 'helper',
    plan: planEgress(network.handle, tap, { hasIpv6: true, hasBridgeFilter: false }),
  })
  await helper.wait()
  const image = { rootfs: root.path }
  const command = ['sh', '-c', 'echo reached > /tmp/index.html; exec httpd -f -p 80 -h /tmp']
  await using server = await withContainer({ image, network, command, wait: { port: 80 } })
  await using client = await withContainer({ image, network, command: ['sleep', '600'] })
  expect(
    await shell(client, `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${server.networks[0]!.ip} 80 | tail -n 1`),
  ).toBe('reached')
})

test("a network's namespace is strict, whatever the host does, and has nowhere to pass things on to until it has a way out", async () => {
  await using network = await createNetwork()
  const names = ['all/route_localnet', 'br0/accept_redirects', 'br0/accept_source_route', 'all/send_redirects', 'br0/send_redirects'] // prettier-ignore
  const paths = [...names.map((name) => `ipv4/conf/${name}`), 'ipv6/conf/br0/accept_ra', 'ipv6/conf/br0/accept_redirects'] // prettier-ignore
  const all = paths.map((path) => `/proc/sys/net/${path}`).filter((path) => existsSync(path.replace('br0', 'lo')))
  const values = (await inNetwork(network, ['/bin/cat', ...all])).trim().split('\n')
  expect(values).toEqual(all.map(() => '0'))
  const devices = [...(await inNetwork(network, ['/bin/cat', '/proc/net/dev'])).matchAll(/^\s*(\S+):/gm)]
  expect(devices.map(([, name]) => name).sort()).toEqual(['br0', 'lo'])
})

test('members ask for no hardware address of each other, of which a machine remembers 1024', async () => {
  await using network = await createNetwork()
  const asked = await inNetwork(network, ['/bin/cat', '/proc/net/arp'])
  expect(asked.trim().split('\n')).toHaveLength(1)
  await using one = await withContainer({ network, name: 'one', command: ['sleep', '600'] })
  await using two = await withContainer({ network, name: 'two', command: ['sleep', '600'] })
  for (const container of [one, two]) {
    // Nobody listens there: the answer is a refusal.
    const other = (container === one ? two : one).networks[0]!
    for (const address of [other.ip, other.ip6]) {
      if (address !== undefined)
        await shell(container, `node -e "net.connect(1, '${address}').on('error', (e) => console.log(e.code))"`)
    }
    // Flags: 0x2 is complete, 0x4 was set and not asked for.
    const known = (await shell(container, 'tail -n +2 /proc/net/arp')).split('\n').map((line) => line.split(/\s+/))
    expect(known.map(([address, , flags]) => [address, flags])).toEqual([[network.gateway, '0x6']])
  }
  const known = (await inNetwork(network, ['/bin/cat', '/proc/net/arp'])).trim().split('\n').slice(1)
  expect(known.map((line) => line.split(/\s+/)[2])).toEqual(['0x6', '0x6'])
})
