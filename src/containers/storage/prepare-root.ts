import { AirplantError } from '../../errors.ts'
import { findOnPath } from '../../rootless/ids/read-id-mapping.ts'
import type { KeeperProcess } from '../../rootless/keeper-client.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { Session } from '../../rootless/session.ts'
import type { StorageDriver } from '../options.ts'

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
  rootfs: string | undefined,
  scratch: string,
  env: NodeJS.ProcessEnv,
): Promise<PreparedRoot> {
  if (rootfs === undefined || driver === 'overlay') return { scratchExists: false, helper: undefined }
  if (driver === 'copy') {
    await copyRoot(session, rootfs, scratch)
    return { scratchExists: true, helper: undefined }
  }
  return { scratchExists: true, helper: await mountFuse(session, rootfs, scratch, env) }
}

async function copyRoot(session: Session, rootfs: string, scratch: string): Promise<void> {
  const plan = new Plan().hostMkdir(scratch, 0o700).hostMkdir(`${scratch}/copy`, 0o755)
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
  rootfs: string,
  scratch: string,
  env: NodeJS.ProcessEnv,
): Promise<KeeperProcess> {
  const program = findOnPath('fuse-overlayfs', env.PATH) ?? '/usr/bin/fuse-overlayfs'
  const [upper, work, merged] = [`${scratch}/root.upper`, `${scratch}/root.work`, `${scratch}/merged`]
  const plan = new Plan().hostMkdir(scratch, 0o700)
  for (const directory of [upper, work, merged]) plan.hostMkdir(directory, 0o755)
  const options = `lowerdir=${escape(rootfs)},upperdir=${escape(upper)},workdir=${escape(work)},volatile`
  plan.hostExec([program, '-f', '-o', options, merged], ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'])
  return await session.client.spawn({ kind: 'helper', plan })
}

// fuse-overlayfs splits its options at commas and its lower directories at colons.
function escape(path: string): string {
  return path.replace(/[\\,:]/g, '\\$&')
}
