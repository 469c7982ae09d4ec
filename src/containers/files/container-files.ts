import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import type { UnpackedLayer } from '../../images/image.ts'
import type { FileChannel } from '../../rootless/files/file-channel.ts'
import type { FileTarget } from '../../rootless/files/file-target.ts'
import { FileWorker } from '../../rootless/files/file-worker.ts'
import type { Session } from '../../rootless/session.ts'
import type { StorageDriver } from '../options.ts'
import type { LayeredRoot } from '../spec.ts'

/** What operations on a container's files need to know of it, whoever started it. */
export interface ContainerFiles {
  readonly session: Session
  /** Says where the store is. */
  readonly env: NodeJS.ProcessEnv
  readonly id: string
  /** As it was asked for. */
  readonly image: string
  /** Undefined: the host image, which keeps nothing. */
  readonly root: LayeredRoot | undefined
  readonly driver: StorageDriver
  /** Where its upper directory is. */
  readonly scratch: string
  /** The keeper's handle while it runs; undefined once it has ended. */
  readonly handle: number | undefined
  readonly isPaused: boolean
  /** Told that what was its upper directory is now its topmost layer. */
  readonly addLayer: (layer: UnpackedLayer) => void
}

/** A connection to a container's files. */
export interface OpenFiles extends AsyncDisposable {
  readonly channel: FileChannel
}

/** What the container itself wrote: an upper directory, or with the copy driver everything. */
export function upperOf({ driver, scratch }: ContainerFiles): string {
  return driver === 'copy' ? join(scratch, 'copy') : join(scratch, 'root.upper')
}

/**
 * Opens the files as the container sees them: of a running one with all that is mounted there, of a stopped one its root alone.
 *
 * @throws {AirplantError} `ERR_NOT_RUNNING` for a stopped container on the host image
 */
export async function openFiles(files: ContainerFiles): Promise<OpenFiles> {
  return await openTarget(files.session, targetOf(files))
}

/** Opens a directory of the host, as the keeper can. */
export async function openDirectory(session: Session, path: string): Promise<OpenFiles> {
  return await openTarget(session, { kind: 'directory', path })
}

async function openTarget(session: Session, target: FileTarget): Promise<OpenFiles> {
  const worker = await FileWorker.start(session, target)
  try {
    const channel = await worker.connect()
    return {
      channel,
      async [Symbol.asyncDispose]() {
        channel.close()
        await worker[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await worker[Symbol.asyncDispose]()
    throw error
  }
}

function targetOf(files: ContainerFiles): FileTarget {
  const { handle, root, driver, scratch } = files
  if (handle !== undefined) return { kind: 'process', handle }
  if (!root) throw keepsNothing(files, 'copy')
  if (driver === 'copy') return { kind: 'directory', path: join(scratch, 'copy') }
  if (driver === 'fuse-overlayfs') return { kind: 'directory', path: join(scratch, 'merged') }
  const work = join(scratch, 'root.work')
  return { kind: 'overlay', lowers: root.lowers, upper: upperOf(files), work }
}

/** An error for what needs a root of the container's own. */
export function keepsNothing({ id, image }: ContainerFiles, action: string): AirplantError {
  return new AirplantError({
    code: 'ERR_NOT_RUNNING',
    phase: 'copy',
    message: `Cannot ${action} container ${id}: the host image is read-only, and what was written beside it is gone`,
    hint: action === 'copy' ? 'Copy while it runs' : 'Use an image, or a root directory',
    container: id,
    image,
  })
}
