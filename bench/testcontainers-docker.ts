// Measures testcontainers with a Docker Engine of its own, as root, and prints what it took or why there is nothing as JSON.
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lastLine } from './peers.ts'
import { findProgram, runCommand } from './run-command.ts'
import type { Measured } from './testcontainers.ts'
import { IMAGE, orReason, runTestcontainers, testcontainersCommand } from './testcontainers.ts'

const ENGINE = 'Docker Engine'
const OWN_IMAGE = `localhost/airplant-bench/${IMAGE}`
const world = join(import.meta.dirname, '..', '..', 'bench', 'docker-world.sh')

process.stdout.write(JSON.stringify(await orReason(ENGINE, measure)))

async function measure(): Promise<Measured> {
  for (const needed of ['dockerd', 'docker', 'skopeo']) if (!findProgram(needed)) throw new Error(`no ${needed} here`)
  const command = testcontainersCommand(OWN_IMAGE, 'health')
  // On a disk: overlay2 refuses some file systems of memory, and they would be no fair place.
  const directory = mkdtempSync('/var/tmp/ap-')
  try {
    const archive = join(directory, 'image.tar')
    await save(archive)
    const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
    const inside = ['unshare', ...namespaces, 'sh', world, directory, archive, ...command]
    return await runTestcontainers(ENGINE, inside, process.env)
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    removeCgroup()
  }
}

/** The registry is on a loopback that is not there in a network namespace. */
async function save(archive: string): Promise<void> {
  const registry = process.env.AIRPLANT_TEST_REGISTRY
  if (!registry) throw new Error('there is no registry with the test images')
  const from = `docker://${registry}/library/${IMAGE}`
  const copied = await runCommand([
    'skopeo',
    'copy',
    '--src-tls-verify=false',
    from,
    `docker-archive:${archive}:${OWN_IMAGE}`,
  ])
  if (copied.code !== 0) throw new Error(lastLine(copied.output))
}

/** Control groups are in no namespace of ours; the daemon leaves the parent of its containers. */
function removeCgroup(): void {
  for (const hierarchy of ['', 'unified']) {
    try {
      rmdirSync(join('/sys/fs/cgroup', hierarchy, 'airplant-bench-docker'))
    } catch {
      // It is in the other one.
    }
  }
}
