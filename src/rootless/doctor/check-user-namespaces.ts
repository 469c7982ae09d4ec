import { defineCheck, describeProbe, fail, ok, skip, warn } from './check.ts'
import type { Check, ProbeResult, Verdict } from './check.ts'
import type { Facts } from './facts.ts'
import { apparmorFixes, outerContainerFixes, setSysctl, sudo } from './fixes.ts'

// What RHEL's own documentation gives for machines that start with 0.
const ENOUGH_NAMESPACES = 28_633
const FEW_NAMESPACES = 512

/** Judges the attempt to make user, mount, PID, network, IPC, UTS and control group namespaces, and names who forbids it. */
export function judgeUserNamespaces(facts: Facts, probe: ProbeResult, keeper?: string): Verdict {
  if (probe.ok) return ok('user, mount, PID, network, IPC, UTS and control group namespaces can be made')
  if (probe.untried) return skip(`Cannot try: ${probe.untried}`)
  const tried = describeProbe(probe)
  if (facts.sysctl['kernel.unprivileged_userns_clone'] === '0') {
    const why = 'kernel.unprivileged_userns_clone is 0 (Debian 10 and older, hardened kernels)'
    return fail(`${tried}: ${why}`, [setSysctl(facts, 'kernel.unprivileged_userns_clone', 1)])
  }
  const forbidden = limitsBelow(facts, 1)
  if (probe.errno === 'ENOSPC' || probe.errno === 'EUSERS' || forbidden.length > 0)
    return judgeExhausted(facts, tried, forbidden)
  if (isRestrictedByApparmor(facts)) {
    const why = "Ubuntu's AppArmor forbids user namespaces to programs without a profile"
    return fail(`${tried}: ${why}`, apparmorFixes(facts, keeper))
  }
  if (probe.errno === 'EINVAL' && probe.step !== 'uid_map') {
    const fix = facts.distribution.family === 'fedora' ? grubFixes(facts) : ['Boot a kernel with CONFIG_USER_NS=y']
    return fail(`${tried}: this kernel has no user namespaces, or they are off`, fix)
  }
  if (facts.surroundings.container || facts.status.seccomp === 2) {
    const by = facts.surroundings.container ?? 'a seccomp filter of whatever started this process'
    return fail(`${tried}: forbidden by ${by}`, outerContainerFixes(facts))
  }
  return fail(`${tried}: forbidden by something the doctor does not know (a chroot, or a security module)`)
}

/** Judges the limits of namespaces per user, which are used up long after the first attempt works. */
export function judgeNamespaceLimits(facts: Facts): Verdict {
  const low = limitsBelow(facts, FEW_NAMESPACES)
  const values = low.map((name) => `${name} is ${facts.sysctl[name]}`).join(', ')
  if (low.length === 0) return ok(`${facts.sysctl['user.max_user_namespaces'] ?? 'unknown'} user namespaces per user`)
  const fix = low.map((name) => setSysctl(facts, name, ENOUGH_NAMESPACES))
  return limitsBelow(facts, 1).length > 0 ? fail(values, fix) : warn(`${values}; each container takes one`, fix)
}

/** Judges Ubuntu's restriction by AppArmor, together with whether it stops us. */
export function judgeApparmor(facts: Facts, userns: ProbeResult, keeper?: string): Verdict {
  if (facts.sysctl['kernel.apparmor_restrict_unprivileged_userns'] === undefined)
    return skip('AppArmor does not restrict user namespaces')
  if (!isRestrictedByApparmor(facts)) return ok('kernel.apparmor_restrict_unprivileged_userns is 0')
  const label = facts.label ?? 'unknown'
  if (userns.ok) return ok(`User namespaces are restricted, but allowed here (profile "${label}")`)
  return fail(`kernel.apparmor_restrict_unprivileged_userns is 1 (profile "${label}")`, apparmorFixes(facts, keeper))
}

/** Judges the attempt to mount a fresh /proc, which the kernel refuses while the one around is partly masked. */
export function judgeProcMount(facts: Facts, userns: ProbeResult, probe: ProbeResult): Verdict {
  if (!userns.ok) return skip('Needs user namespaces')
  if (probe.ok) return ok('/proc can be mounted in a new PID namespace')
  const masks = facts.mounts.filter(({ target }) => target.startsWith('/proc/')).map(({ target }) => target)
  const why =
    masks.length > 0 ? `parts of /proc are masked (${masks.slice(0, 4).join(', ')})` : 'forbidden from outside'
  return fail(`${describeProbe(probe)}: ${why}`, outerContainerFixes(facts))
}

/** The checks of namespaces. */
export const userNamespaceChecks: readonly Check[] = [
  defineCheck('userns', 'User namespaces', async ({ facts, probe, keeper }) =>
    judgeUserNamespaces(facts, await probe('userns'), keeper),
  ),
  defineCheck('namespace-limits', 'Namespace limits', ({ facts }) => judgeNamespaceLimits(facts)),
  defineCheck('apparmor', 'AppArmor', async ({ facts, probe, keeper }) =>
    judgeApparmor(facts, await probe('userns'), keeper),
  ),
  defineCheck('proc', 'Fresh /proc', async ({ facts, probe }) =>
    judgeProcMount(facts, await probe('userns'), await probe('proc')),
  ),
]

function judgeExhausted(facts: Facts, tried: string, forbidden: string[]): Verdict {
  if (forbidden.length === 0) {
    const why = 'a limit of an outer user namespace is reached, or 32 are nested already'
    return fail(`${tried}: ${why}`, ['Raise user.max_user_namespaces outside of this container'])
  }
  const why = `${forbidden.join(' and ')} ${forbidden.length > 1 ? 'are' : 'is'} 0 (RHEL 7, hardened machines)`
  return fail(
    `${tried}: ${why}`,
    forbidden.map((name) => setSysctl(facts, name, ENOUGH_NAMESPACES)),
  )
}

function limitsBelow({ sysctl }: Facts, least: number): string[] {
  return Object.keys(sysctl).filter((name) => /^user\.max_.*_namespaces$/.test(name) && Number(sysctl[name]) < least)
}

function isRestrictedByApparmor({ sysctl }: Facts): boolean {
  return sysctl['kernel.apparmor_restrict_unprivileged_userns'] === '1'
}

function grubFixes(facts: Facts): string[] {
  return [`${sudo(facts)}grubby --args=user_namespace.enable=1 --update-kernel=ALL && ${sudo(facts)}reboot`]
}
