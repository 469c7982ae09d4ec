import type { Peer } from './testcontainers.ts'
import { orReason } from './testcontainers.ts'
import { measureTestcontainersPodman, PODMAN } from './testcontainers-podman.ts'

/** With each engine, one after another. Docker's needs root, and was measured before by whoever had it. */
export async function measureTestcontainers(): Promise<Peer[]> {
  const byRoot = process.env.AIRPLANT_BENCH_TESTCONTAINERS_DOCKER
  const docker: Peer = byRoot
    ? (JSON.parse(byRoot) as Peer)
    : { engine: 'Docker Engine', reason: 'only root can start a daemon of its own' }
  return [docker, await orReason(PODMAN, measureTestcontainersPodman)]
}
