import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withContainer, type Container, type FixtureOptions } from '../../../src/index.ts'
import { maskedPaths, readOnlyPaths } from '../../../src/rootless/masked-paths.ts'
import { attack, compileAttacker, verdicts } from '../../support/attacker.ts'
import { checkLeftovers, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const attacker = compileAttacker()

// What a container may be granted; "unconfined" so that nothing but the kernel stands in the way.
const grants: [string, Partial<FixtureOptions>][] = [
  ['SYS_ADMIN', { capabilities: { add: ['SYS_ADMIN'] } }],
  ['ALL', { capabilities: { add: ['ALL'] } }],
  ['ALL, unconfined', { capabilities: { add: ['ALL'] }, seccomp: 'unconfined', noNewPrivileges: false }],
  [
    'ALL, unconfined, init, host network',
    { capabilities: { add: ['ALL'] }, seccomp: 'unconfined', init: true, network: 'host' },
  ],
]

async function start(options: Partial<FixtureOptions>): Promise<Container> {
  return await withContainer({ command: ['sleep', '60'], files: attacker.files, ...options })
}

const covers = [...maskedPaths([0]), ...readOnlyPaths, '/proc', '/sys', '/dev', '/tmp', '/run', '/home', '/root', '/']

test.each(grants)(
  'mounts can neither be taken away nor made writable with %s, in run and exec',
  async (_name, options) => {
    await using container = await start(options)
    const before = await shell(container, "cut -d' ' -f5,6 /proc/1/mountinfo")
    const mounted = covers.filter((path) => before.split('\n').some((line) => line.startsWith(`${path} `)))
    expect(mounted.length).toBeGreaterThan(8)
    const results = verdicts(await attack(container, ['mounts', ...mounted]))
    for (const [name, result] of Object.entries(results)) {
      // A remount with the options that a mount has already is harmless; what changed is looked at below.
      if (/^(umount|detach|move|disk|new_devtmpfs|mknod|join_mounts)/.test(name)) {
        expect({ name, result }).toEqual({ name, result: expect.stringMatching(/^E/) as string })
      }
    }
    expect(results['handle:/etc']).not.toBe('OK')
    expect((await shell(container, "cut -d' ' -f5,6 /proc/1/mountinfo")).split('\n')).toEqual(
      expect.arrayContaining(before.split('\n')),
    )
    expect(await shell(container, 'stat -c %t:%T /proc/keys /proc/interrupts')).toBe('1:3\n1:3')
    expect(
      await shell(
        container,
        '(touch /airplant-test || touch /usr/airplant-test || touch /etc/airplant-test) 2>/dev/null || echo read-only',
      ),
    ).toBe('read-only')
  },
)

test.each(grants)('with %s the kernel’s settings stay out of reach', async (_name, options) => {
  await using container = await start(options)
  const settings =
    '/proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/swappiness /proc/sys/kernel/modprobe /proc/sysrq-trigger /sys/kernel/uevent_helper'
  const output = await shell(
    container,
    `for f in ${settings}; do [ -e $f ] && (echo 0 > $f) 2>/dev/null && echo "wrote $f"; done; mount -o remount,rw /proc/sys 2>/dev/null; (echo x > /proc/sys/kernel/core_pattern) 2>/dev/null && echo wrote; true`,
  )
  expect(output).toBe('')
  expect(await attack(container, ['writable', '/proc/sys', '/proc/bus', '/proc/irq', '/sys/firmware'])).toEqual([
    'done',
  ])
})

test.each(grants)('a new /proc or bind with %s shows nothing that was hidden', async (_name, options) => {
  await using container = await start(options)
  const script = `
    mkdir -p /tmp/m && cd /tmp
    try() { unshare -rm sh -c "$1" 2>/dev/null; sh -c "$1" 2>/dev/null; }
    for what in "mount -t proc p /tmp/m" "mount --bind / /tmp/m" "mount --rbind / /tmp/m" "umount /home /root /run" "mount --bind /proc /tmp/m"; do
      try "$what; cat /tmp/m/proc/keys /tmp/m/keys /tmp/m/timer_list; ls -A /tmp/m/home /tmp/m/root/.ssh; cat /tmp/m/sys/kernel/core_pattern > /dev/null && echo x > /tmp/m/sys/kernel/core_pattern && echo WROTE"
      umount -l /tmp/m 2>/dev/null
    done; true`
  const output = await shell(container, script)
  expect(output).not.toMatch(/WROTE|keyring|now at \d+ nsecs|\.ssh/)
})

test('NET_ADMIN has no effect on the host or on other containers', async () => {
  await using other = await withContainer({ command: ['sleep', '60'] })
  const host = readFileSync('/proc/net/dev', 'utf8').split('\n').length
  const view =
    'cat /proc/net/dev /proc/net/route /proc/net/fib_trie | sed "s/ \\+[0-9].*//"; cat /proc/sys/net/ipv4/ip_forward'
  const before = await shell(other, view)
  await using container = await start({ capabilities: { add: ['NET_ADMIN', 'NET_RAW', 'SYS_ADMIN'] } })
  await container.exec([
    'sh',
    '-c',
    'ip link add dummy9 type dummy; ip link add v1 type veth peer name v2 netns 1; ip link set lo down; ip addr flush dev lo; ip route flush table all',
  ])
  expect(await shell(other, view)).toBe(before)
  expect(readFileSync('/proc/net/dev', 'utf8').split('\n').length).toBe(host)
  await using hosts = await start({ network: 'host', capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } })
  const attempts = await hosts.exec([
    'sh',
    '-c',
    'ip link add dummy9 type dummy && echo MADE; ip link set lo mtu 1400 && echo SET; ip addr add 10.9.9.9/32 dev lo && echo ADDED; true',
  ])
  expect(attempts.stdout).toBe('')
})

test('published ports and execs work for a container with granted capabilities', async () => {
  using root = tinyRoot()
  root.write('/www/index.html', 'inside')
  const command = ['httpd', '-f', '-p', '8080', '-h', '/www']
  const wait = { port: 8080 }
  await using container = await withContainer({
    image: { rootfs: root.path },
    command,
    ports: [8080],
    wait,
    capabilities: { add: ['NET_ADMIN'] },
  })
  expect(await (await fetch(container.url(8080))).text()).toBe('inside')
  expect((await container.exec(['id', '-u'])).stdout).toBe('0\n')
})

test('SYS_PTRACE, SYS_RAWIO, SYS_MODULE, SYS_TIME, SYS_BOOT, DAC_READ_SEARCH and BPF mean nothing outside', async () => {
  const add = [
    'SYS_PTRACE',
    'SYS_RAWIO',
    'SYS_MODULE',
    'SYS_TIME',
    'SYS_BOOT',
    'DAC_READ_SEARCH',
    'BPF',
    'SYSLOG',
    'SYS_RESOURCE',
  ]
  await using container = await start({ capabilities: { add }, seccomp: 'unconfined' })
  const results = verdicts(await attack(container, ['denied']))
  for (const call of ['open_by_handle_at', 'kexec_load', 'init_module', 'delete_module', 'swapon', 'acct', 'reboot']) {
    expect({ call, result: results[call] }).toEqual({ call, result: expect.stringMatching(/^E/) as string })
  }
  expect(await shell(container, 'date -s 2001-01-01 >/dev/null 2>&1 && echo set; ls /proc | grep -c "^[0-9]"')).toMatch(
    /^[2-6]$/,
  )
})
