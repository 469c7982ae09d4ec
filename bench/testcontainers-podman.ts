import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pause } from '../src/rootless/pause.ts'
import { lastLine } from './peers.ts'
import type { Podman } from './podman.ts'
import { openPodman } from './podman.ts'
import { findProgram } from './run-command.ts'
import type { Measured } from './testcontainers.ts'
import { IMAGE, runTestcontainers, testcontainersCommand } from './testcontainers.ts'

export const PODMAN = 'rootless podman'

/** With a podman of our own, without root; throws why that cannot be. */
export async function measureTestcontainersPodman(): Promise<Measured> {
  const registry = process.env.AIRPLANT_TEST_REGISTRY
  if (!registry) throw new Error('there is no registry with the test images')
  for (const needed of ['podman', 'slirp4netns']) if (!findProgram(needed)) throw new Error(`no ${needed} here`)
  const image = `${registry}/library/${IMAGE}`
  const command = testcontainersCommand(image, 'log')
  const podman = openPodman('overlay')
  try {
    const pulled = await podman.run(['pull', '--quiet', '--tls-verify=false', image])
    if (pulled.code !== 0) throw new Error(lastLine(pulled.output))
    await using service = await serve(podman)
    return await runTestcontainers(PODMAN, command, { ...podman.env, DOCKER_HOST: service.address })
  } finally {
    await podman.remove()
  }
}

/** Podman's counterpart of Docker's daemon. */
async function serve(podman: Podman): Promise<AsyncDisposable & { readonly address: string }> {
  const socket = join(podman.directory, 'api')
  const address = `unix://${socket}`
  const [program = '', ...own] = podman.command
  const child = spawn(program, [...own, 'system', 'service', '--time=0', address], { env: podman.env, stdio: 'ignore' })
  const end = once(child, 'exit')
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error('podman system service ended')
    await pause(20)
  }
  return {
    address,
    async [Symbol.asyncDispose]() {
      child.kill()
      await end
    },
  }
}
