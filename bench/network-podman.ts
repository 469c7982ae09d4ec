import { lastLine } from './peers.ts'
import type { NetworkPath } from './network-paths.ts'
import { clientOnHost, freePort, IN_ROOTFS, SERVER_PORT } from './network-program.ts'
import { openPodman } from './podman.ts'
import { findProgram } from './run-command.ts'

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
      const podman = openPodman('vfs')
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
