import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastLine } from './peers.ts'
import type { NetworkPath } from './network-paths.ts'
import { clientOnHost, freePort, IN_ROOTFS, SERVER_PORT } from './network-program.ts'
import { findProgram, runCommand } from './run-command.ts'
import { removeTree } from './temporary-store.ts'

/** Podman's two ways to publish a port without root: its own forwarder, and slirp4netns'. */
export const podmanPaths: readonly NetworkPath[] = [
  podmanPath('podman -p, rootlessport', 'rootlesskit'),
  podmanPath('podman -p, slirp4netns hostfwd', 'slirp4netns'),
]

function podmanPath(name: string, handler: string): NetworkPath {
  return {
    name,
    async open(program) {
      for (const needed of ['podman', 'slirp4netns']) if (!findProgram(needed)) throw new Error(`no ${needed} here`)
      const podman = openPodman()
      const port = await freePort()
      const started = await podman.run([
        ...['run', '--detach', '--rm', `--network=slirp4netns:port_handler=${handler}`],
        ...[`--publish=127.0.0.1:${port}:${SERVER_PORT}`, '--rootfs', program.rootfs(`rootfs-${handler}`)],
        ...[IN_ROOTFS, 'server', `${SERVER_PORT}`],
      ])
      if (started.code !== 0) throw new Error((await podman.remove(), lastLine(started.output)))
      return { at: { host: '127.0.0.1', port }, client: clientOnHost(program), close: podman.remove }
    },
  }
}

/** A podman with storage of its own. It binds sockets deep below its directories, whose paths the kernel bounds: so these are short. */
function openPodman() {
  const directory = mkdtempSync(join(tmpdir(), 'ap-'))
  const place = (part: string): string => join(directory, part)
  for (const part of ['runtime', 'home']) mkdirSync(place(part), { mode: 0o700 })
  const env = { ...process.env, XDG_RUNTIME_DIR: place('runtime'), HOME: place('home') }
  const storage = ['--root', place('storage'), '--runroot', place('run'), '--storage-driver=vfs']
  const own = [...storage, '--cgroup-manager=cgroupfs', '--events-backend=none']
  const run = (args: readonly string[]) => runCommand(['podman', ...own, ...args], env)
  const remove = async (): Promise<void> => {
    await run(['rm', '--all', '--force', '--time=0'])
    await run(['system', 'reset', '--force'])
    endPause(place('runtime/libpod/tmp/pause.pid'))
    await removeTree(directory)
  }
  return { run, remove }
}

/** Without root podman leaves a process that holds its namespaces. */
function endPause(file: string): void {
  if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL')
}
