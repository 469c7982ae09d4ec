import { AirplantError } from '../../errors.ts'
import { findOnPath } from '../../rootless/ids/read-id-mapping.ts'
import type { KeeperProcess } from '../../rootless/keeper-client.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { Session } from '../../rootless/session.ts'
import type { StorageDriver } from '../options.ts'
import type { LayeredRoot, RootSpec } from '../spec.ts'

/** What a storage driver did ahead of the container. */
export interface PreparedRoot {
  /** Whether it made the container's scratch directory. */
  readonly scratchExists: boolean
  /** A process that the mount depends on; it is removed with the container. */
  readonly helper: KeeperProcess | undefined
}

/** Does what the driver needs before the container's own plan can run: nothing for overlay, a daemon for fuse, a copy for copy. */
export async function prepareRoot(
  session: Session,
  driver: StorageDriver,
  root: RootSpec,
  scratch: string,
  env: NodeJS.ProcessEnv,
): Promise<PreparedRoot> {
  if (root === 'host' || driver === 'overlay') return { scratchExists: false, helper: undefined }
  if (driver === 'copy') {
    await copyRoot(session, root, scratch)
    return { scratchExists: true, helper: undefined }
  }
  return { scratchExists: true, helper: await mountFuse(session, root, scratch, env) }
}

async function copyRoot(session: Session, { lowers, mode, image }: LayeredRoot, scratch: string): Promise<void> {
  const plan = new Plan().hostMkdir(scratch, 0o700).hostMkdir(`${scratch}/copy`, mode)
  if (image) {
    // Loaded by nobody else on the way to a container.
    const { mergeLayers } = await import('./merge-layers.ts')
    const making = await session.client.spawn({ kind: 'helper', scratch: '', plan: plan.hostExec(['/bin/true'], []) })
    await making.wait()
    await mergeLayers(session, lowers, `${scratch}/copy`)
    return
  }
  const [rootfs = ''] = lowers
  plan.hostExec(['/bin/cp', '-a', '--reflink=auto', '--', `${rootfs}/.`, `${scratch}/copy/`], [])
  const copying = await session.client.spawn({ kind: 'helper', attached: true, scratch: '', plan })
  const { exitCode, stderr } = await copying.collect()
  if (exitCode === 0) return
  const text = stderr.toString().trim()
  throw new AirplantError({
    code: text.includes('No space left') ? 'ERR_DISK_FULL' : 'ERR_STORAGE_DRIVER',
    phase: 'create',
    message: `Cannot copy the root "${rootfs}": ${text.split('\n')[0] ?? `cp ended with ${exitCode}`}`,
    hint: 'Free space where the state directory is, or set AIRPLANT_STATE_DIR to another file system',
  })
}

async function mountFuse(
  session: Session,
  { lowers, mode }: LayeredRoot,
  scratch: string,
  env: NodeJS.ProcessEnv,
): Promise<KeeperProcess> {
  const program = findOnPath('fuse-overlayfs', env.PATH) ?? '/usr/bin/fuse-overlayfs'
  const [upper, work, merged] = [`${scratch}/root.upper`, `${scratch}/root.work`, `${scratch}/merged`]
  const plan = new Plan().hostMkdir(scratch, 0o700)
  plan.hostMkdir(upper, mode).hostMkdir(work, 0o755).hostMkdir(merged, 0o755)
  const options = `lowerdir=${lowers.map(escape).join(':')},upperdir=${escape(upper)},workdir=${escape(work)},volatile`
  plan.hostExec([program, '-f', '-o', options, merged], ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'])
  return await session.client.spawn({ kind: 'helper', plan })
}

// fuse-overlayfs splits its options at commas and its lower directories at colons.
function escape(path: string): string {
  return path.replace(/[\\,:]/g, '\\$&')
}
