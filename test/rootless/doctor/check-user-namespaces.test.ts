import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import {
  judgeApparmor,
  judgeNamespaceLimits,
  judgeProcMount,
  judgeUserNamespaces,
} from '../../../src/rootless/doctor/check-user-namespaces.ts'
import { readUnshareError } from '../../../src/rootless/doctor/probe.ts'
import { debian10, dockerDefault, factsOf, fedora, kubernetes, podman, rhel7, ubuntu2404 } from './machines.ts'

const eperm = { ok: false, errno: 'EPERM', step: 'clone3' }

it('Ubuntu 24.04: names AppArmor and gives the switch and a profile for the keeper', () => {
  const facts = factsOf(ubuntu2404)
  const probe = { ok: false, errno: 'EPERM', step: 'uid_map' }
  const verdict = judgeUserNamespaces(facts, probe, '/opt/a b/airplant-keeper')
  expect(verdict).toMatchObject({ status: 'fail', detail: expect.stringContaining('EPERM at uid_map') })
  expect(verdict.fix?.[0]).toContain('kernel.apparmor_restrict_unprivileged_userns = 0')
  expect(verdict.fix?.[1]).toMatch(
    /profile airplant-keeper "\/opt\/a b\/airplant-keeper" flags=\(unconfined\)[^]*userns,/,
  )
  expect(judgeApparmor(facts, probe)).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('unprivileged_userns (enforce)'),
    fix: [expect.any(String), expect.stringContaining('node_modules/airplant')],
  })
  expect(judgeApparmor(facts, { ok: true }).status).toBe('ok')
})

it('Debian 10: names the sysctl', () => {
  expect(judgeUserNamespaces(factsOf(debian10), eperm)).toEqual({
    status: 'fail',
    detail: expect.stringContaining('kernel.unprivileged_userns_clone is 0'),
    fix: [expect.stringMatching(/echo 'kernel.unprivileged_userns_clone = 1' \| sudo tee .* && sudo sysctl -p/)],
  })
})

it('RHEL 7: names the limit that is 0', () => {
  const facts = factsOf(rhel7)
  const verdict = judgeUserNamespaces(facts, { ok: false, errno: 'ENOSPC', step: 'clone3' })
  expect(verdict.detail).toContain('user.max_user_namespaces')
  expect(verdict.fix?.[0]).toContain("echo 'user.max_user_namespaces = 28633'")
  expect(judgeNamespaceLimits(facts).status).toBe('fail')
})

it('RHEL 7 with the kernel argument missing: gives it', () => {
  const facts = factsOf({ ...rhel7, 'proc/sys/user/max_user_namespaces': '1000\n' })
  const rest = { ...facts, sysctl: {} }
  expect(judgeUserNamespaces(rest, { ok: false, errno: 'EINVAL', step: 'clone3' }).fix?.[0]).toContain(
    'grubby --args=user_namespace.enable=1',
  )
})

it.each([
  ['Docker', dockerDefault, /^docker run .*seccomp=unconfined.*systempaths=unconfined .*\/dev\/net\/tun/],
  ['podman', podman, /^podman run .*unmask=\/proc\/\*.*label=disable/],
  ['Kubernetes', kubernetes, /hostUsers: false.*procMount: Unmasked/],
])('inside %s: gives its flags', (_, machine, fix) => {
  const facts = factsOf(machine)
  const verdict = judgeUserNamespaces(facts, eperm)
  expect(verdict.status).toBe('fail')
  expect(verdict.fix).toEqual([expect.stringMatching(fix)])
  const masked = judgeProcMount(facts, { ok: true }, { ok: false, errno: 'EPERM', step: 'proc' })
  expect(masked).toMatchObject({ status: 'fail', detail: expect.stringContaining('/proc/acpi, /proc/kcore') })
})

it('without a known cause says so instead of guessing', () => {
  expect(judgeUserNamespaces(factsOf(fedora), eperm)).toEqual({
    status: 'fail',
    detail: expect.stringContaining('does not know'),
  })
})

it('a low limit that still works is a warning', () => {
  const facts = factsOf({ ...fedora, 'proc/sys/user/max_net_namespaces': '20\n' })
  expect(judgeNamespaceLimits(facts)).toMatchObject({
    status: 'warn',
    detail: expect.stringContaining('user.max_net_namespaces is 20'),
  })
})

it('really forbidden by user.max_user_namespaces=0 in a nested namespace: the limit is named', () => {
  const script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec unshare --user true'
  const { stderr } = spawnSync('unshare', ['--user', '--map-root-user', 'sh', '-c', script], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  const probe = readUnshareError(stderr)
  expect(probe).toMatchObject({ ok: false, errno: 'ENOSPC', step: 'unshare' })
  const facts = factsOf({ ...fedora, 'proc/sys/user/max_user_namespaces': '0\n' })
  expect(judgeUserNamespaces(facts, probe).fix).toEqual([expect.stringContaining('user.max_user_namespaces')])
})

it('really masked /proc: the mount is named', () => {
  const script =
    'mount -t tmpfs tmpfs /proc/sys && exec unshare --user --map-root-user --mount --pid --fork --mount-proc true'
  const { stderr } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  expect(readUnshareError(stderr)).toEqual({ ok: false, errno: 'EPERM', step: 'mount proc' })
})
