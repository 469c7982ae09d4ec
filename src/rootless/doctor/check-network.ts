import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { installCommands } from '../distribution.ts'
import { deviceFixes } from './check-storage.ts'
import { defineCheck, describeProbe, ok, warn } from './check.ts'
import type { Check, ProbeResult, Verdict } from './check.ts'
import type { Facts } from './facts.ts'
import { sudo } from './fixes.ts'

const run = promisify(execFile)

/** Judges the attempt to open /dev/net/tun. */
export function judgeTun(facts: Facts, probe: ProbeResult): Verdict {
  if (probe.ok) return ok('/dev/net/tun can be opened')
  const detail = `/dev/net/tun: ${probe.untried ?? describeProbe(probe)}; containers cannot reach other machines, published ports work`
  return warn(detail, deviceFixes(facts, '/dev/net/tun', 'tun', probe))
}

/** Judges the programs that connect containers to other machines, by the versions they told. */
export function judgeEgress(facts: Facts, slirp: string | undefined, pasta: string | undefined): Verdict {
  const found = [slirp, pasta].filter((version) => version !== undefined)
  if (found.length > 0) return ok(found.join(', '))
  const names = { debian: 'slirp4netns', fedora: 'slirp4netns', arch: 'slirp4netns', alpine: 'slirp4netns', suse: 'slirp4netns' } // prettier-ignore
  const fix = installCommands(facts.distribution.family, names, facts.identity.uid === 0)
  return warn('neither slirp4netns nor pasta is installed: containers cannot reach other machines', fix)
}

/** Judges the lowest port that may be published. */
export function judgeLowPorts(facts: Facts): Verdict {
  const first = Number(facts.sysctl['net.ipv4.ip_unprivileged_port_start'] ?? 1024)
  if (first <= 80) return ok(`ports from ${first} on can be published`)
  const command = `${sudo(facts)}sysctl -w net.ipv4.ip_unprivileged_port_start=80`
  return ok(`host ports from ${first} on can be published; for lower ones: ${command}`)
}

/** Judges whether ping can work through slirp4netns. */
export function judgePing({ sysctl, identity }: Facts): Verdict {
  const [first = 1, last = 0] = (sysctl['net.ipv4.ping_group_range'] ?? '').split(/\s+/).map(Number)
  return last >= first && last > 0
    ? ok(`groups ${first} to ${last} may ping`)
    : ok(
        `ping to other machines does not work in containers of ${identity.name ?? identity.uid} (net.ipv4.ping_group_range)`,
      )
}

/** The checks of networks. */
export const networkChecks: readonly Check[] = [
  defineCheck('tun', 'TUN device', async ({ facts, probe }) => judgeTun(facts, await probe('tun'))),
  defineCheck('egress', 'Egress programs', async ({ facts }) =>
    judgeEgress(facts, await versionOf(facts, 'slirp4netns'), await versionOf(facts, 'pasta')),
  ),
  defineCheck('low-ports', 'Low ports', ({ facts }) => judgeLowPorts(facts)),
  defineCheck('ping', 'Ping', ({ facts }) => judgePing(facts)),
]

async function versionOf(facts: Facts, name: string): Promise<string | undefined> {
  const program = facts.programs[name]
  if (!program) return undefined
  try {
    const { stdout } = await run(program.path, ['--version'], { timeout: 10_000 })
    return stdout.split('\n')[0]
  } catch {
    return undefined
  }
}
