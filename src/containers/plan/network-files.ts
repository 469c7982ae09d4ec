import { formatIp } from '../../rootless/ip-address.ts'
import { CONTAINER_ADDRESS } from '../../networks/loopback.ts'
import * as kernel from '../../rootless/kernel-constants.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import type { Networking } from '../networking/networking.ts'
import type { PlanContext } from './context.ts'
import type { WaitingMount } from './user-mounts.ts'

/**
 * /etc/hosts, /etc/hostname and /etc/resolv.conf: files of our own, bind-mounted, so that they can be rewritten while the container
 * runs. The host image keeps the machine's when it lacks the file to mount on. Who shares another container's network sees its files.
 */
export function openNetworkFiles(plan: Plan, context: PlanContext): WaitingMount[] {
  const { spec, scratch, networking } = context
  const { shared } = networking
  const files = [
    ['/etc/hosts', shared ? undefined : hosts(context)],
    ['/etc/hostname', `${spec.hostname}\n`],
    ['/etc/resolv.conf', shared ? undefined : resolvConf(context)],
  ] as const
  return files.map(([target, content]) => {
    const slot = plan.slot()
    const name = target.slice('/etc/'.length)
    const path = content === undefined ? `${scratch}/../${shared!.id}/${name}` : `${scratch}/${name}`
    if (content !== undefined) plan.hostWrite(path, 0o644, content)
    plan.openTree(slot, path, kernel.TREE_CLONE)
    const missing = spec.root === 'host' && target !== '/etc/resolv.conf' ? kernel.ATTACH_OPTIONAL : 0
    return { slot, target, flags: missing || kernel.ATTACH_MAKE_FILE }
  })
}

/** Its own name is that of its first address; what comes from networks is in a part of its own each, which changes with their members. */
function hosts({ spec, networking }: PlanContext): string {
  const { mode, memberships } = networking
  const addresses = memberships.flatMap(({ ip, ip6 }) => [formatIp(ip), ...(ip6 ? [formatIp(ip6)] : [])])
  const own = mode === 'host' ? ['127.0.1.1'] : addresses.length > 0 ? addresses : [CONTAINER_ADDRESS]
  const lines = [
    ['127.0.0.1', 'localhost'],
    ['::1', 'localhost ip6-localhost ip6-loopback'],
    ...own.map((address) => [address, spec.hostname]),
    ...spec.names.hosts,
  ]
  const sections = memberships.map(({ network }) => network.members.section())
  return [...lines.map(([address, name]) => `${address}\t${name}\n`), ...sections].join('')
}

function resolvConf({ spec, host, networking }: PlanContext): string {
  const { servers, search, options } = spec.names
  const { mode, egress } = networking
  if (mode === 'host' && servers.length + search.length + options.length === 0) return host.resolvConf
  const asked = servers.length > 0 ? servers : mode === 'host' ? [] : gatewaysOf(networking)
  const lines = asked.slice(0, MOST_SERVERS).map((server) => `nameserver ${server}`)
  const domains = search.length > 0 ? search : egress ? searchOf(host.resolvConf) : []
  if (domains.length > 0) lines.push(`search ${domains.join(' ')}`)
  if (options.length > 0) lines.push(`options ${options.join(' ')}`)
  return lines.length > 0 ? `${lines.join('\n')}\n` : '# no network\n'
}

/**
 * Each answers for all networks of the container. Where nothing leads outside, other names do not exist, and a resolver asks no second
 * server then: so who has a way out asks first where there is one.
 */
function gatewaysOf({ memberships, egress }: Networking): string[] {
  const networks = memberships.map(({ network }) => network)
  if (egress) networks.sort((one, other) => Number(one.internal) - Number(other.internal))
  return networks.map(({ gateway }) => gateway)
}

/** As many as a resolver looks at (resolv.conf(5)). */
const MOST_SERVERS = 3

function searchOf(resolvConf: string): string[] {
  const line = /^search[ \t]+(.*)$/m.exec(resolvConf)?.[1]
  return line === undefined ? [] : line.split(/\s+/).filter(Boolean)
}
