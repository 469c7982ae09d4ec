import { CONTAINER_ADDRESS } from '../../networks/loopback.ts'
import * as kernel from '../../rootless/kernel-constants.ts'
import type { Plan } from '../../rootless/protocol/plan.ts'
import type { PlanContext } from './context.ts'
import type { WaitingMount } from './user-mounts.ts'

/**
 * /etc/hosts, /etc/hostname and /etc/resolv.conf: files of our own, bind-mounted, so that they can be rewritten while the container
 * runs. The host image keeps the machine's when it lacks the file to mount on.
 */
export function openNetworkFiles(plan: Plan, context: PlanContext): WaitingMount[] {
  const { spec, scratch, host } = context
  const resolvConf = spec.network === 'host' ? host.resolvConf : '# no network\n'
  const files = [
    ['/etc/hosts', hosts(spec.hostname, spec.network)],
    ['/etc/hostname', `${spec.hostname}\n`],
    ['/etc/resolv.conf', resolvConf],
  ] as const
  return files.map(([target, content]) => {
    const slot = plan.slot()
    const path = `${scratch}/${target.slice('/etc/'.length)}`
    plan.hostWrite(path, 0o644, content).openTree(slot, path, kernel.TREE_CLONE)
    const missing = spec.root === 'host' && target !== '/etc/resolv.conf' ? kernel.ATTACH_OPTIONAL : 0
    return { slot, target, flags: missing || kernel.ATTACH_MAKE_FILE }
  })
}

function hosts(hostname: string, network: 'none' | 'host'): string {
  const own = network === 'host' ? '127.0.1.1' : CONTAINER_ADDRESS
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${own}\t${hostname}\n`
}
