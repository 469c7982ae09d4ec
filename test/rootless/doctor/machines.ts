import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { gatherFacts } from '../../../src/rootless/doctor/facts.ts'
import type { Facts } from '../../../src/rootless/doctor/facts.ts'

/** Files of a machine, by path without the leading slash. */
export type Machine = Record<string, string>

// What these machines answer is written down here from their documentation and bug reports; none of them was run.

const namespaces = (count: number): Machine =>
  Object.fromEntries(
    ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'].map((kind) => [
      `proc/sys/user/max_${kind}_namespaces`,
      `${count}\n`,
    ]),
  )

const unified =
  '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n' +
  '25 22 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n' +
  '26 22 0:5 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw\n'

const base: Machine = {
  ...namespaces(63_432),
  'proc/self/mountinfo': unified,
  'proc/self/cgroup': '0::/user.slice/user-1000.slice/session-3.scope\n',
  'proc/self/status': 'Name:\tnode\nNoNewPrivs:\t0\nSeccomp:\t0\n',
  'proc/self/limits':
    'Limit                     Soft Limit           Hard Limit           Units     \n' +
    'Max processes             63432                63432                processes \n' +
    'Max open files            1048576              1048576              files     \n',
  'etc/subuid': 'ann:100000:65536\n',
  'etc/subgid': 'ann:100000:65536\n',
  'usr/bin/newuidmap': 'program',
  'usr/bin/newgidmap': 'program',
}

export const ubuntu2404: Machine = {
  ...base,
  'etc/os-release': 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\nID_LIKE=debian\n',
  'proc/sys/kernel/osrelease': '6.8.0-45-generic\n',
  'proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n',
  'proc/sys/kernel/unprivileged_userns_clone': '1\n',
  'proc/self/attr/current': 'unprivileged_userns (enforce)\n',
}

export const debian10: Machine = {
  ...base,
  'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 10 (buster)"\nID=debian\n',
  'proc/sys/kernel/osrelease': '4.19.0-27-amd64\n',
  'proc/sys/kernel/unprivileged_userns_clone': '0\n',
}

export const rhel7: Machine = {
  ...base,
  ...namespaces(0),
  'etc/os-release': 'PRETTY_NAME="Red Hat Enterprise Linux Server 7.9 (Maipo)"\nID="rhel"\nID_LIKE="fedora"\n',
  'proc/sys/kernel/osrelease': '3.10.0-1160.el7.x86_64\n',
  'proc/self/mountinfo':
    '22 1 8:1 / / rw,relatime - xfs /dev/sda1 rw\n' +
    '30 22 0:30 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n31 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n',
  'proc/self/cgroup': '4:memory:/\n1:name=systemd:/user.slice\n',
  'run/systemd/system/x': '',
}

export const dockerDefault: Machine = {
  ...base,
  'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
  'proc/sys/kernel/osrelease': '6.1.0-25-amd64\n',
  '.dockerenv': '',
  'proc/self/cgroup': '0::/\n',
  'proc/self/status': 'Name:\tnode\nNoNewPrivs:\t0\nSeccomp:\t2\n',
  'proc/self/mountinfo':
    '900 800 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/a\n' +
    '901 900 0:61 / /proc rw,nosuid - proc proc rw\n' +
    '902 901 0:62 / /proc/acpi ro - tmpfs tmpfs ro\n903 901 0:5 /null /proc/kcore rw - devtmpfs udev rw\n',
}

export const kubernetes: Machine = {
  ...dockerDefault,
  '.dockerenv': '',
  'proc/self/cgroup': '0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope\n',
  'var/run/secrets/kubernetes.io/serviceaccount/token': 'x',
}

export const podman: Machine = { ...dockerDefault, 'run/.containerenv': 'engine="podman"\n' }

export const wsl2: Machine = {
  ...base,
  'etc/os-release': 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nID=ubuntu\nID_LIKE=debian\n',
  'proc/sys/kernel/osrelease': '5.15.153.1-microsoft-standard-WSL2\n',
  'proc/version': 'Linux version 5.15.153.1-microsoft-standard-WSL2 (root@x) #1 SMP\n',
  'proc/self/mountinfo':
    '22 1 8:1 / / rw - ext4 /dev/sdc rw\n30 22 0:30 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n' +
    '31 30 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n32 30 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw\n' +
    '33 22 0:40 / /mnt/c rw - 9p drvfs rw\n',
}

export const fedora: Machine = {
  ...base,
  'etc/os-release': 'PRETTY_NAME="Fedora Linux 43"\nID=fedora\n',
  'proc/sys/kernel/osrelease': '6.17.1-300.fc43.x86_64\n',
  'sys/fs/selinux/enforce': '1',
  'proc/self/attr/current': 'unconfined_u:unconfined_r:unconfined_t:s0\0',
  'run/systemd/system/x': '',
  'run/user/1000/bus': '',
  'usr/bin/systemd-run': 'program',
  'sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers': 'cpu memory pids\n',
}

/** The facts that the files of a recorded machine give to its user `ann` (1000). */
export function factsOf(machine: Machine, env: NodeJS.ProcessEnv = {}): Facts {
  const root = mkdtempSync(join(tmpdir(), 'airplant-machine-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(machine)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text, { mode: text === 'program' ? 0o755 : 0o644 })
  }
  return gatherFacts(root, { identity: { uid: 1000, name: 'ann' }, env: { PATH: '/usr/bin', ...env } })
}
