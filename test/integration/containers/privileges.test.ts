import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { defaultCapabilities } from '../../../src/rootless/capabilities.ts'
import { checkLeftovers, isSingleId, outputOf, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

const sets = `grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | awk '{ print $2 }'`
const none = '0000000000000000'
const byDefault = '00000000800405fb'
const namespaces = 'readlink /proc/self/ns/user /proc/self/ns/mnt /proc/self/ns/net /proc/self/ns/uts'

describe.each(images)('on %s', (_, on) => {
  test('the capabilities are the default ones, and no more can be had', async () => {
    expect(defaultCapabilities).toHaveLength(11)
    expect(await outputOf(sets, { image: on })).toBe([none, byDefault, byDefault, byDefault, none].join('\n'))
    expect(await outputOf(`mount -t tmpfs none /tmp 2>&1 || echo refused`, { image: on })).toMatch(/refused$/)
  })

  test('dropped ones are gone, and what they allowed is refused', async () => {
    const all = { image: on, capabilities: { drop: ['ALL'] } }
    expect(await outputOf(sets, all)).toBe(Array(5).fill(none).join('\n'))
    const options = { image: on, capabilities: { drop: ['fowner', 'CAP_DAC_OVERRIDE'] } }
    expect(await outputOf(sets, options)).toContain('00000000800405f1')
    const script = 'touch /tmp/x; chmod 0 /tmp/x; cat /tmp/x 2>&1 || echo refused'
    expect(await outputOf(script, options)).toMatch(/refused$/)
    expect(await outputOf(script, { image: on })).toBe('')
  })

  test('a user that is not root has none, but may not be kept from what it owns', async ({ skip }) => {
    if (isSingleId) skip('one ID is mapped')
    expect(await outputOf(sets, { image: on, user: '1000' })).toBe([none, none, none, byDefault, none].join('\n'))
  })

  test("added ones work, inside namespaces of the container's own", async () => {
    const options = { image: on, capabilities: { add: ['SYS_ADMIN', 'net_admin'] } }
    const script = `mount -t tmpfs none /tmp && grep -c ' /tmp tmpfs' /proc/mounts; hostname changed && hostname`
    const output = await outputOf(script, options)
    expect(output).toMatch(/^[1-9]\nchanged$/) // on some hosts /tmp is a tmpfs too
  })

  test('an exec joins the same namespaces with the same capabilities', async () => {
    const capabilities = { add: ['SYS_ADMIN', 'NET_ADMIN'], drop: ['CHOWN'] }
    const command = ['sh', '-c', `${sets}; ${namespaces}; exec sleep 60`]
    await withContainer({ image: on, capabilities, command }, async (container) => {
      const inside = await shell(container, `${sets}; ${namespaces}`)
      await expect.poll(async () => (await container.logs()).output.trimEnd()).toBe(inside)
      expect(inside).toContain('00000000802415fa')
      expect(await shell(container, 'mount -t tmpfs none /tmp && touch /tmp/x && echo mounted')).toBe('mounted')
    })
  })

  test('the mounts that hide the host stay even with every capability', async () => {
    const options = { image: on, capabilities: { add: ['ALL'] }, seccomp: 'unconfined' as const }
    const script = `for place in /proc/kcore /proc/sys /sys/firmware /proc /dev /tmp; do umount $place 2> /dev/null && echo "$place came off"; done
      mount -o remount,rw /proc/sys 2> /dev/null && echo "/proc/sys is writable"; cat /proc/kcore /proc/keys 2> /dev/null | wc -c`
    expect(await outputOf(script, options)).toBe('0')
  })

  test('no_new_privs is set unless asked otherwise, for an exec too', async () => {
    const flag = `awk '/NoNewPrivs/ { print $2 }' /proc/self/status`
    for (const noNewPrivileges of [true, false]) {
      await withContainer(
        { image: on, noNewPrivileges, command: ['sh', '-c', `${flag}; sleep 60`] },
        async (container) => {
          const expected = noNewPrivileges ? '1' : '0'
          expect(await shell(container, flag)).toBe(expected)
          await expect.poll(async () => (await container.logs()).output.trim()).toBe(expected)
        },
      )
    }
  })

  test('a filter is there, or is not', async () => {
    const mode = `awk '/^Seccomp:/ { print $2 }' /proc/self/status`
    expect(await outputOf(mode, { image: on })).toBe('2')
    expect(await outputOf(mode, { image: on, noNewPrivileges: false })).toBe('2')
    expect(await outputOf(mode, { image: on, seccomp: 'unconfined' })).toBe('0')
  })

  test("the default filter refuses what Docker's does", async () => {
    const script = 'unshare -U true 2>&1 || echo refused'
    expect(await outputOf(script, { image: on })).toMatch(/not permitted[^]*refused$/)
    expect(await outputOf('unshare -U echo allowed', { image: on, seccomp: 'unconfined' })).toBe('allowed')
  })

  test("a profile of one's own decides, for an exec too", async () => {
    const seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 122 }],
    }
    await withContainer(
      { image: on, seccomp, command: ['sh', '-c', 'mkdir /tmp/x; exec sleep 60'] },
      async (container) => {
        expect(await shell(container, 'mkdir /tmp/y 2>&1')).toContain('uota exceeded')
        expect(await shell(container, 'touch /tmp/y && echo allowed')).toBe('allowed')
        expect((await container.logs()).stderr).toContain('uota exceeded')
      },
    )
  })

  test('a profile that kills ends the container by that signal', async () => {
    const seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['sync'], action: 'SCMP_ACT_KILL_PROCESS' }],
    }
    const ended = await runToEnd({ image: on, seccomp, command: ['sync'] })
    expect(ended).toMatchObject({ exitCode: null, signal: 'SIGSYS' })
  })
})

test.skipIf(isSingleId)('a set-user-ID program of the root works only without no_new_privs', async () => {
  using own = tinyRoot()
  execFileSync('cc', ['-static', '-x', 'c', '-o', join(own.path, 'bin/elevated'), '-'], {
    input: '#include <stdio.h>\n#include <unistd.h>\nint main(void) { return printf("%d", geteuid()) < 0; }',
  })
  chmodSync(join(own.path, 'bin/elevated'), 0o4755)
  const options = { image: { rootfs: own.path }, user: 'app', command: ['elevated'] }
  expect((await runToEnd(options)).output).toBe('1000')
  expect((await runToEnd({ ...options, noNewPrivileges: false })).output).toBe('0')
})

test('with the host network added capabilities have no power over it', async () => {
  const options = { image, network: 'host' as const, capabilities: { add: ['NET_ADMIN'] } }
  expect(await outputOf('ip link set lo down 2>&1 || echo refused', options)).toMatch(/refused$/)
})

test('the loopback of a container with NET_ADMIN is its own, and ports are still reached', async () => {
  const options = { image, capabilities: { add: ['NET_ADMIN'] }, ports: [8080] }
  const command = [
    'sh',
    '-c',
    'ip addr add 10.9.8.7/32 dev lo; echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp',
  ]
  await withContainer({ ...options, command }, async (container) => {
    await expect
      .poll(() => fetch(container.url(8080)).then((answer) => answer.text(), String), { timeout: 5000 })
      .toBe('hello\n')
    expect(await shell(container, 'ip addr show lo')).toContain('10.9.8.7')
  })
})
