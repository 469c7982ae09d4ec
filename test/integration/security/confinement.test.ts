import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { maskedPaths, readOnlyPaths } from '../../../src/rootless/masked-paths.ts'
import { attack, ATTACK, compileAttacker, verdicts } from '../../support/attacker.ts'
import { checkLeftovers, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()
const networks = ['none', 'host'] as const

test('the seccomp filter is active in run, init and exec, also without no_new_privs', async () => {
  for (const options of [
    {},
    { init: true },
    { noNewPrivileges: false },
    { init: true, noNewPrivileges: false },
    { tty: true },
  ]) {
    await using container = await withContainer({ command: ['sleep', '60'], ...options })
    const modes = await shell(container, 'grep -h ^Seccomp: /proc/[0-9]*/status')
    expect([...new Set(modes.split('\n'))]).toEqual(['Seccomp:\t2'])
    if (!('noNewPrivileges' in options))
      expect(await shell(container, 'grep -c "NoNewPrivs:.1" /proc/1/status')).toBe('1')
  }
})

test('CVE-2022-0185, CVE-2022-0492, CVE-2024-1086, CVE-2026-31431: what reaches deep into the kernel is denied', async () => {
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files, init: true })
  const first = await runToEnd({ command: [ATTACK, 'denied'], files: attacker.files })
  for (const lines of [await attack(container, ['denied']), first.output.trim().split('\n')]) {
    const { clone3_newuser, ...others } = verdicts(lines)
    expect(clone3_newuser).toBe('ENOSYS')
    expect(Object.keys(others).length).toBeGreaterThan(30)
    for (const [call, result] of Object.entries(others)) expect({ call, result }).toEqual({ call, result: 'EPERM' })
  }
})

test('the tables of 32-bit and x32 programs are no way around the filter', async (context) => {
  if (process.arch !== 'x64') context.skip('these tables are those of x86-64')
  await using container = await withContainer({ command: ['sleep', '60'], files: attacker.files })
  const results = verdicts(await attack(container, ['tables']))
  expect(Object.keys(results).length).toBeGreaterThan(8)
  for (const [call, result] of Object.entries(results)) expect({ call, result }).not.toEqual({ call, result: 'OK' })
  for (const call of ['x32_getpid', 'x32_unshare', 'x32_mount', 'x32_ptrace'])
    expect(results[call]).toMatch(/ENOSYS|EPERM/)
})

test.each(networks)('masked paths show nothing and take nothing, network %s', async (network) => {
  using root = tinyRoot()
  for (const image of ['host', { rootfs: root.path }] as const) {
    await using container = await withContainer({ image, network, command: ['sleep', '60'] })
    const masked = maskedPaths([0, 1]).filter((path) => existsSync(path))
    expect(masked.length).toBeGreaterThan(3)
    for (const path of masked) {
      const script = `if [ -d ${path} ]; then ls -A ${path}; touch ${path}/x; else cat ${path}; stat -c %t:%T ${path}; fi`
      const output = await shell(container, script)
      expect({ path, output }).toEqual({ path, output: expect.stringMatching(/^1:3$|Read-only/) as string })
    }
  }
})

test.each(networks)('other names of masked and read-only paths lead to the same, network %s', async (network) => {
  await using container = await withContainer({ network, command: ['sleep', '60'] })
  for (const way of [
    '/proc/self/root',
    '/proc/1/root',
    '/proc/../proc/.././',
    '/proc/self/task/1/root',
    '/dev/fd/../../..',
  ]) {
    const output = await shell(
      container,
      `stat -Lc %t:%T ${way}/proc/keys 2>&1 || true; echo x 2>/dev/null > ${way}/proc/sys/kernel/hostname && echo WRITTEN; echo b 2>/dev/null > ${way}/proc/sysrq-trigger && echo WRITTEN; true`,
    )
    expect({ way, output }).toEqual({ way, output: expect.stringMatching(/^1:3$|No such file|Permission/) as string })
  }
})

test.each(networks)(
  'CVE-2023-25809: no file below /sys, /proc/sys and the read-only paths can be written to, network %s',
  async (network) => {
    await using container = await withContainer({ network, command: ['sleep', '60'], files: attacker.files })
    const paths = ['/sys', ...readOnlyPaths.filter((path) => existsSync(path))]
    expect(await attack(container, ['writable', ...paths])).toEqual(['done'])
    const cgroups = 'ls -A /sys/fs/cgroup 2>/dev/null; mkdir /sys/fs/cgroup/x 2>/dev/null && echo MADE; true'
    expect(await shell(container, cgroups)).toBe('')
  },
)

test('CVE-2025-31133: what covers files is the null device, and stays so', async () => {
  using root = tinyRoot()
  root.write('/etc/null', 'not a device')
  const script =
    'rm -f /dev/null; ln -s /etc/null /dev/null; mv /dev/null /dev/x; (: > /dev/new); stat -c %t:%T /dev/null /proc/keys'
  const { output } = await runToEnd({ image: { rootfs: root.path }, command: ['sh', '-c', script] })
  expect(output).toMatch(/1:3\n1:3\n$/)
  await using container = await withContainer({ image: { rootfs: root.path }, command: ['sleep', '60'] })
  expect(await shell(container, 'stat -c %t:%T /dev/null /proc/keys')).toBe('1:3\n1:3')
})

test('/dev has the standard nodes and nothing else, read-only', async () => {
  await using container = await withContainer({ command: ['sleep', '60'] })
  const names = 'console fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero'
  expect((await shell(container, 'ls /dev')).split(/\s+/).join(' ')).toBe(names)
  expect(
    await shell(container, 'mknod /dev/sda b 8 0 2>/dev/null || mknod /tmp/sda b 8 0 2>/dev/null || echo denied'),
  ).toBe('denied')
})

test('CVE-2017-5226: a container cannot type into the terminal of its caller', async () => {
  // No terminal comes in: /dev/tty is nobody's without the option, and the container's own with it.
  for (const options of [{}, { stdin: true }]) {
    const { output } = await runToEnd({ command: [ATTACK, 'type', 'echo typed\n'], files: attacker.files, ...options })
    expect(output).toMatch(/^open ENXIO\ntype (ENOTTY|EIO|EPERM)\n$/)
  }
  const { output } = await runToEnd({
    command: ['sh', '-c', 'tty; ls -l /proc/self/fd/0; readlink /proc/1/fd/0'],
    tty: true,
  })
  expect(output).toContain('/dev/pts/0')
  await using container = await withContainer({ command: ['sh', '-c', 'sleep 60'], tty: true, files: attacker.files })
  await attack(container, ['type', 'x'])
  expect(await shell(container, 'ls /dev/pts')).toBe('0\nptmx')
})

test('environment and labels pass as they are, and name no variable of the caller (CVE-2026-57231)', async () => {
  const hostile = { 'A.B-C d': '$(id)', LD_X: '\n\nB=c', UNICODE_Ü: 'ü', '*': 'x', EMPTY: '' }
  const { stdout } = await runToEnd({ command: ['env', '-0'], env: hostile, labels: { 'a\nb': 'c\nd", "x": 1' } })
  const entries = Object.fromEntries(
    stdout
      .split('\0')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  expect(entries).toMatchObject(hostile)
  expect(Object.keys(entries).sort()).toEqual([...Object.keys(hostile), 'HOME', 'HOSTNAME', 'PATH'].sort())
  for (const env of [{ '': 'x' }, { 'A=B': 'x' }, { 'A\0': 'x' }, { A: 'x\0y' }]) {
    await expect(withContainer({ command: ['true'], env })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  }
})
