// /dev/fuse and /dev/net/tun, which fuse-overlayfs and slirp4netns open as the ordinary account.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

const devices = [
  { path: '/dev/fuse', major: 10, minor: 229 },
  { path: '/dev/net/tun', major: 10, minor: 200 },
]

/** Not all machines let root do it (a container does not); the tests that need a device then say so themselves. */
export function openDevices() {
  for (const device of devices) {
    try {
      openDevice(device)
    } catch (error) {
      console.log(`${device.path} stays closed to ordinary accounts: ${error.message}`)
    }
  }
}

function openDevice({ path, major, minor }) {
  if (!statSync(path, { throwIfNoEntry: false })) {
    mkdirSync(dirname(path), { recursive: true })
    const { status, stderr } = spawnSync('mknod', ['-m', '666', path, 'c', String(major), String(minor)], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(stderr.trim() || 'mknod failed')
  }
  if ((statSync(path).mode & 0o006) !== 0o006) chmodSync(path, 0o666)
}
