import type { IdMapping } from '../rootless/ids/id-mapping.ts'
import { Plan } from '../rootless/protocol/plan.ts'
import { addAddress, linkUp, LOOPBACK } from './rtnetlink.ts'

/**
 * The container's own address when it has no interface but loopback. Connections through a published port go to it, and so
 * come from it: from 127.0.0.1 a postgres image would accept any password (CVE-2021-20199).
 */
export const CONTAINER_ADDRESS = '172.30.0.2'

/** Messages that bring up loopback with the container's address. */
export function loopbackMessages(): Buffer {
  return Buffer.concat([linkUp(LOOPBACK), addAddress(LOOPBACK, CONTAINER_ADDRESS, 32)])
}

/** What is done in every new network namespace, ahead of the container. Low ports and ping work without capabilities, as in Docker. */
export function loopbackPlan(mapping: IdMapping): Plan {
  const lastGroup = Math.max(...mapping.gids.map(({ inside, count }) => inside + count - 1))
  return new Plan()
    .netlink(loopbackMessages())
    .sysctl('net/ipv4/ip_unprivileged_port_start', '0')
    .sysctl('net/ipv4/ping_group_range', `0 ${Math.min(lastGroup, 65_535)}`)
}
