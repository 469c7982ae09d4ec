import { plainLoopback, publishedPort } from './network-paths.ts'
import { podmanPaths } from './network-podman.ts'
import { withNetworkProgram } from './network-program.ts'
import type { NetworkTable } from './network-rounds.ts'
import { measurePaths } from './network-rounds.ts'
import type { Section } from './samples.ts'

const tables: readonly NetworkTable[] = [
  {
    what: 'rtt',
    title: 'Published port: 32 bytes there and back on an open connection',
    notes: ['target: airplant at most 2.2 times loopback'],
  },
  { what: 'connect', title: 'Published port: a new connection, and 32 bytes there and back on it' },
  {
    what: 'download',
    title: 'Published port: bulk from the server, pieces of 128 KiB',
    notes: ['target: airplant at least 0.33 of loopback, and ahead of both of podman’s'],
  },
  {
    what: 'upload',
    title: 'Published port: bulk to the server, pieces of 128 KiB',
    notes: ['target: airplant at least 0.33 of loopback, and ahead of both of podman’s'],
  },
]

/** A server in a container, reached from the host: what publishing costs, beside what podman does without root. */
export async function measureNetwork(): Promise<Section[]> {
  return await withNetworkProgram((program) =>
    measurePaths([plainLoopback, publishedPort, ...podmanPaths], program, tables),
  )
}
