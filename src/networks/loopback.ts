import type { IdMapping } from '../rootless/ids/id-mapping.ts'
import { Plan } from '../rootless/protocol/plan.ts'
import { parseIp } from '../rootless/ip-address.ts'
import { allowLargePieces, linkUp } from './netlink/links.ts'
import { LOOPBACK, NetlinkBatch } from './netlink/netlink-batch.ts'
import { addAddress } from './netlink/routes.ts'

/**
 * The container's own address when it has no interface but loopback. Connections through a published port go to it, and so
 * come from it: from 127.0.0.1 a postgres image would accept any password (CVE-2021-20199).
 */
export const CONTAINER_ADDRESS = '172.30.0.2'

/** What `host.airplant.internal` means in a container: an address of its own loopback, where only forwarders of ours listen. */
export const HOST_ADDRESS = '172.30.0.1'

/** Messages that bring up loopback with the addresses above. */
export function loopbackBatch(): NetlinkBatch {
  const batch = new NetlinkBatch()
  linkUp(batch, LOOPBACK)
  allowLargePieces(batch, LOOPBACK)
  for (const text of [CONTAINER_ADDRESS, HOST_ADDRESS]) {
    addAddress(batch, { index: LOOPBACK, address: parseIp(text)!, prefix: 32 })
  }
  return batch
}

/**
 * What is done in every new network namespace, ahead of the container. Low ports and ping work without capabilities, as in Docker.
 * Nothing is forwarded, whatever the host does (its settings are inherited): a container in two networks must not join them. Nobody on a
 * network may configure its neighbours by router advertisements or redirects, and who has an address says so when it comes, for the bridge
 * to learn.
 */
export function loopbackPlan(mapping: IdMapping, hasIpv6: boolean): Plan {
  const lastGroup = Math.max(...mapping.gids.map(({ inside, count }) => inside + count - 1))
  const plan = loopbackBatch()
    .addTo(new Plan())
    .sysctl('net/ipv4/ip_unprivileged_port_start', '0')
    .sysctl('net/ipv4/ping_group_range', `0 ${Math.min(lastGroup, 65_535)}`)
    // It sets others with it, so it comes first.
    .sysctl('net/ipv4/ip_forward', '0')
  for (const [name, value] of Object.entries(ipv4)) {
    plan.sysctl(`net/ipv4/conf/all/${name}`, value).sysctl(`net/ipv4/conf/default/${name}`, value)
  }
  if (!hasIpv6) return plan
  plan.sysctl('net/ipv6/conf/all/forwarding', '0')
  for (const [name, value] of Object.entries(ipv6)) plan.sysctl(`net/ipv6/conf/default/${name}`, value)
  return plan
}

/** With route_localnet, which Docker's hosts have, neighbours would reach what listens on 127.0.0.1 only (CVE-2020-8558). */
const ipv4 = {
  ...{ route_localnet: '0', accept_source_route: '0', accept_redirects: '0', send_redirects: '0' },
  ...{ arp_notify: '1', arp_ignore: '1', arp_announce: '2' },
}

const ipv6 = { accept_ra: '0', autoconf: '0', accept_dad: '0', accept_redirects: '0' }
