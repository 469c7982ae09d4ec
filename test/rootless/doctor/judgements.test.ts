import { describe, expect, it } from 'vitest'
import { judgeIdMaps, judgeOverlap, judgeSubordinateIds } from '../../../src/rootless/doctor/check-ids.ts'
import { judgeCgroup, judgeMaps, judgeRlimits, judgeSession } from '../../../src/rootless/doctor/check-limits.ts'
import {
  judgeKernel,
  judgeSelinux,
  judgeSurroundings,
  judgeVirtualKernel,
} from '../../../src/rootless/doctor/check-machine.ts'
import { judgeEgress, judgeLowPorts, judgeTun } from '../../../src/rootless/doctor/check-network.ts'
import { judgeFuse, judgeOverlay, judgeStateDirectory } from '../../../src/rootless/doctor/check-storage.ts'
import { debian10, dockerDefault, factsOf, fedora, rhel7, ubuntu2404, wsl2 } from './machines.ts'
import type { Machine } from './machines.ts'

const no = { ok: false, errno: 'EPERM', step: 'newuidmap' }
const yes = { ok: true }

describe('ID mapping', () => {
  it.each([
    ['Fedora', fedora, ['sudo dnf install -y shadow-utils']],
    ['Ubuntu', ubuntu2404, ['sudo apt-get install -y uidmap']],
    [
      'an unknown distribution',
      { ...fedora, 'etc/os-release': 'ID=own\n' },
      expect.arrayContaining([expect.stringMatching(/apk add shadow-uidmap +# Alpine/)]),
    ],
  ])('without newuidmap on %s gives the package', (_, machine, fix) => {
    const { 'usr/bin/newuidmap': _absent, ...rest }: Machine = machine
    expect(judgeIdMaps(factsOf(rest), no)).toMatchObject({ status: 'warn', fix })
  })

  it('with programs that lost their rights gives chmod', () => {
    expect(judgeIdMaps(factsOf(fedora), no)).toMatchObject({
      fix: [expect.stringContaining('chmod u+s /usr/bin/newuidmap')],
    })
  })

  it('names no_new_privs and a nosuid mount', () => {
    const locked = { ...fedora, 'proc/self/status': 'NoNewPrivs:\t1\nSeccomp:\t2\n' }
    expect(judgeIdMaps(factsOf(locked), no).detail).toContain('no_new_privs')
    const nosuid = { ...fedora, 'proc/self/mountinfo': '22 1 8:1 / / rw,nosuid - ext4 /dev/sda1 rw\n' }
    expect(judgeIdMaps(factsOf(nosuid), no).fix).toEqual(['sudo mount -o remount,suid /'])
  })

  it('works with file capabilities, which no mode shows', () => {
    expect(judgeIdMaps(factsOf(fedora), yes).status).toBe('ok')
  })

  it('counts the ranges and gives the next free one', () => {
    const few = { ...fedora, 'etc/subuid': 'ann:100000:1000\nbob:165536:65536\n' }
    expect(judgeSubordinateIds(factsOf(few), yes)).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('1000 user IDs'),
      fix: ['sudo usermod --add-subuids 231072-296607 --add-subgids 231072-296607 ann'],
    })
    expect(judgeSubordinateIds(factsOf(fedora), yes).status).toBe('ok')
  })

  it('warns when another user has the same IDs', () => {
    const shared = { ...fedora, 'etc/subuid': 'ann:100000:65536\n1000:300000:5\nbob:165000:65536\n' }
    expect(judgeOverlap(factsOf(shared))).toMatchObject({ status: 'warn', detail: expect.stringContaining('"bob"') })
    expect(judgeOverlap(factsOf(fedora)).status).toBe('ok')
  })
})

describe('the machine', () => {
  it('is too old, old, or fine', () => {
    expect(judgeKernel(factsOf(rhel7)).status).toBe('fail')
    expect(judgeKernel(factsOf(debian10)).status).toBe('warn')
    expect(judgeKernel(factsOf(fedora)).status).toBe('ok')
  })

  it('inside Docker is fine when everything works all the same', () => {
    const facts = factsOf(dockerDefault)
    expect(judgeSurroundings(facts, yes, yes)).toEqual({
      status: 'ok',
      detail: expect.stringContaining('inside docker'),
    })
    expect(judgeSurroundings(facts, no, no).status).toBe('fail')
  })

  it('is recognised as WSL 2 with old control groups, WSL 1 and gVisor', () => {
    expect(judgeVirtualKernel(factsOf(wsl2))).toMatchObject({
      status: 'warn',
      fix: [expect.stringContaining('.wslconfig')],
    })
    expect(judgeVirtualKernel(factsOf({ 'proc/version': 'Linux version 4.4.0-19041-Microsoft\n' })).status).toBe('fail')
    const gvisor = { 'proc/version': 'Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n' }
    expect(judgeVirtualKernel(factsOf(gvisor)).detail).toContain('gVisor')
  })

  it('with SELinux is fine unless this process is confined', () => {
    expect(judgeSelinux(factsOf(fedora)).status).toBe('ok')
    const confined = { ...fedora, 'proc/self/attr/current': 'staff_u:staff_r:staff_t:s0\0' }
    expect(judgeSelinux(factsOf(confined)).fix).toEqual([expect.stringContaining('container_file_t')])
  })
})

describe('storage', () => {
  const overlay = { driver: 'overlay', reason: '' }

  it('says which driver and why', () => {
    expect(judgeOverlay(factsOf(fedora), overlay).status).toBe('ok')
    const copy = { driver: 'copy', reason: 'EINVAL at mount' }
    expect(judgeOverlay(factsOf(dockerDefault), copy)).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('EINVAL at mount'),
      fix: [expect.stringContaining('docker run -v')],
    })
    expect(judgeOverlay(factsOf(fedora), undefined).status).toBe('skip')
  })

  it('needs FUSE only without overlayfs', () => {
    const enoent = { ok: false, errno: 'ENOENT', step: 'open' }
    expect(judgeFuse(factsOf(fedora), enoent, overlay).status).toBe('skip')
    expect(judgeFuse(factsOf(fedora), enoent, undefined)).toMatchObject({
      status: 'warn',
      fix: [expect.stringContaining('modprobe fuse'), 'sudo dnf install -y fuse-overlayfs'],
    })
  })

  it('judges the file system under the state directory', () => {
    expect(judgeStateDirectory(factsOf(fedora), '/home/ann/.local/share/airplant').status).toBe('ok')
    expect(judgeStateDirectory(factsOf(wsl2), '/mnt/c/state')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('9p'),
    })
    expect(judgeStateDirectory(factsOf(dockerDefault), '/root/state').status).toBe('warn')
    expect(judgeStateDirectory(factsOf(fedora), '/x', 'EACCES: permission denied').status).toBe('fail')
  })
})

describe('networks', () => {
  it('gives the fix for a missing, a closed and an outer TUN device', () => {
    const closed = { ok: false, errno: 'EACCES', step: 'open' }
    expect(judgeTun(factsOf(fedora), closed).fix).toEqual(['sudo chmod 666 /dev/net/tun'])
    expect(judgeTun(factsOf(fedora), { ...closed, errno: 'ENOENT' }).fix?.[0]).toContain('modprobe tun')
    expect(judgeTun(factsOf(dockerDefault), closed).fix?.[0]).toContain('--device /dev/net/tun')
  })

  it('wants slirp4netns or pasta, and names the package where there is neither', () => {
    expect(judgeEgress(factsOf(fedora), 'slirp4netns 1.3', undefined).status).toBe('ok')
    expect(judgeEgress(factsOf(ubuntu2404), undefined, 'pasta 2024').status).toBe('ok')
    expect(judgeEgress(factsOf(ubuntu2404), undefined, undefined)).toMatchObject({
      status: 'warn',
      fix: ['sudo apt-get install -y slirp4netns'],
    })
  })

  it('names the first port that can be published', () => {
    expect(judgeLowPorts(factsOf(fedora)).detail).toContain('from 1024')
    const open = { ...fedora, 'proc/sys/net/ipv4/ip_unprivileged_port_start': '0\n' }
    expect(judgeLowPorts(factsOf(open)).detail).toContain('from 0')
  })
})

describe('limits', () => {
  const session = { XDG_RUNTIME_DIR: '/run/user/1000' }

  it('come from systemd, with the controllers it has', () => {
    expect(judgeCgroup(factsOf(fedora, session), false)).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('systemd --user'),
    })
    const manager = 'sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers'
    expect(judgeCgroup(factsOf({ ...fedora, [manager]: 'memory pids\n' }, session), false)).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('no cpu controller'),
      fix: [expect.stringContaining('Delegate=cpu cpuset io memory pids')],
    })
  })

  it('come from a delegated group of our own', () => {
    const own = {
      ...fedora,
      'sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope/cgroup.controllers': 'cpu memory pids\n',
    }
    expect(judgeCgroup(factsOf(own), true)).toMatchObject({ status: 'ok', detail: 'delegated: cpu memory pids' })
  })

  it('are missing without a session, on version 1 and on hybrid machines', () => {
    expect(judgeCgroup(factsOf(fedora), false)).toMatchObject({
      status: 'warn',
      fix: ['sudo loginctl enable-linger ann', expect.stringContaining('XDG_RUNTIME_DIR=/run/user/1000')],
    })
    expect(judgeCgroup(factsOf(rhel7), false)).toMatchObject({
      detail: expect.stringContaining('version 1'),
      fix: [expect.stringContaining('grubby')],
    })
    expect(judgeCgroup(factsOf(wsl2), false).detail).toContain('hybrid')
  })

  it('judges the login session', () => {
    expect(judgeSession(factsOf(fedora)).detail).toContain('XDG_RUNTIME_DIR is not set')
    expect(judgeSession(factsOf(wsl2)).status).toBe('skip')
    const facts = factsOf(fedora, session)
    expect(judgeSession({ ...facts, session: { ...facts.session, isOwned: true } }).status).toBe('ok')
    expect(judgeSession({ ...facts, session: { ...facts.session, isOwned: false } }).status).toBe('warn')
  })

  it('warns of few files and processes, and of few memory maps', () => {
    const low = {
      ...fedora,
      'proc/self/limits':
        'Max processes             100    100    processes\nMax open files            1024   1024   files\n',
    }
    expect(judgeRlimits(factsOf(low)).fix).toHaveLength(2)
    expect(judgeRlimits(factsOf(fedora)).status).toBe('ok')
    expect(judgeMaps(factsOf({ ...fedora, 'proc/sys/vm/max_map_count': '65530\n' })).fix?.[0]).toContain(
      'vm.max_map_count = 262144',
    )
  })
})
