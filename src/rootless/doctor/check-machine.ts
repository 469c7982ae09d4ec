import { defineCheck, fail, ok, skip, warn } from './check.ts'
import type { Check, ProbeResult, Verdict } from './check.ts'
import type { Facts } from './facts.ts'
import { outerContainerFixes } from './fixes.ts'

/** Judges the kernel's version; whether a call works is tried elsewhere, because distributions backport. */
export function judgeKernel({ kernel, distribution }: Facts): Verdict {
  const name = `Linux ${kernel.release}, ${distribution.name}`
  if (isBefore(kernel.version, [4, 18])) return fail(`${name}: too old (5.12 is needed)`, ['Boot Linux 5.12 or later'])
  if (isBefore(kernel.version, [5, 12]))
    return warn(`${name}: older than 5.12, so mount_setattr and overlayfs for users may be missing`, [
      'Boot Linux 5.12 or later',
    ])
  return ok(name)
}

/** Judges a container around us: fine when namespaces and /proc work, else the flags it must be started with. */
export function judgeSurroundings(facts: Facts, userns: ProbeResult, proc: ProbeResult): Verdict {
  const { container } = facts.surroundings
  const filter = facts.status.seccomp === 2 ? ', with a seccomp filter' : ''
  if (!container) return ok(`not inside a container${filter}`)
  const where = `inside ${container === 'other' ? 'a container' : container}${filter}`
  if (userns.ok && proc.ok) return ok(`${where}; nested containers work`)
  return fail(`${where}, which forbids nested containers`, outerContainerFixes(facts))
}

/** Judges virtual kernels that are known to differ. */
export function judgeVirtualKernel({ surroundings, cgroup }: Facts): Verdict {
  if (surroundings.isGvisor)
    return warn('gVisor: its kernel has few of the mount calls', ['Use a runtime with a real kernel (runc, crun)'])
  if (surroundings.wsl === 1)
    return fail('WSL 1 has no Linux kernel', ['wsl --set-version <distribution> 2   # in Windows'])
  if (surroundings.wsl === undefined) return skip('Neither WSL nor gVisor')
  if (cgroup.mode === 'unified') return ok('WSL 2')
  return warn('WSL 2 with old control groups, so no memory or CPU limits', [
    "printf '[wsl2]\\nkernelCommandLine = cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1\\n' >> %UserProfile%\\.wslconfig   # then in Windows: wsl --shutdown",
  ])
}

/** Judges SELinux, which matters for bind mounts only. */
export function judgeSelinux({ selinux, label }: Facts): Verdict {
  if (selinux === undefined) return skip('SELinux is off')
  if (selinux === 'permissive') return ok('permissive')
  if (label === undefined || label.includes('unconfined'))
    return ok(`enforcing, and this process is unconfined (${label ?? 'no label'})`)
  return warn(`enforcing (${label}): bind mounts may be refused`, [
    'chcon -R -t container_file_t DIRECTORY   # for each directory that is bound',
  ])
}

/** The checks of what kind of machine this is. */
export const machineChecks: readonly Check[] = [
  defineCheck('kernel', 'Kernel', ({ facts }) => judgeKernel(facts)),
  defineCheck('surroundings', 'Surroundings', async ({ facts, probe }) =>
    judgeSurroundings(facts, await probe('userns'), await probe('proc')),
  ),
  defineCheck('virtual-kernel', 'WSL, gVisor', ({ facts }) => judgeVirtualKernel(facts)),
  defineCheck('selinux', 'SELinux', ({ facts }) => judgeSelinux(facts)),
]

function isBefore(
  [major, minor]: readonly [number, number],
  [wantMajor, wantMinor]: readonly [number, number],
): boolean {
  return major < wantMajor || (major === wantMajor && minor < wantMinor)
}
