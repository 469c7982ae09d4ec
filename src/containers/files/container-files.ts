import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError, isAirplantError } from '../../errors.ts'
import type { UnpackedLayer } from '../../images/image.ts'
import type { Use } from '../../images/store/uses.ts'
import type { FileChannel } from '../../rootless/files/file-channel.ts'
import type { FileTarget } from '../../rootless/files/file-target.ts'
import { FileWorker } from '../../rootless/files/file-worker.ts'
import type { Session } from '../../rootless/session.ts'
import type { StorageDriver } from '../options.ts'
import type { LayeredRoot } from '../spec.ts'
import { wasRemoved } from './was-removed.ts'

/** What operations on a container's files need to know of it, whoever started it. */
export interface ContainerFiles {
  readonly session: Session
  /** To find the store with. */
  readonly env: NodeJS.ProcessEnv
  readonly id: string
  /** As it was asked for. */
  readonly image: string
  /** As it is now. Undefined: the host image, which keeps nothing. */
  readonly root: LayeredRoot | undefined
  readonly driver: StorageDriver
  /** Where its upper directory is. */
  readonly scratch: string
  /** The keeper's handle while it runs; undefined once it has ended. */
  readonly handle: number | undefined
  readonly isPaused: boolean
  /** Whom its files belong to, as it sees them, where only one ID is mapped and that is not root's. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
  /** Told that what was its upper directory is now its topmost layer. Undefined: another process has it, which could not be told. */
  readonly addLayer: ((layer: UnpackedLayer, use: Use | undefined) => void) | undefined
  /** Cuts the connections to its files. */
  readonly signal?: AbortSignal | undefined
  /** Runs what changes the files of a stopped container, or moves them, one after another. */
  readonly inTurn: <T>(run: () => Promise<T>) => Promise<T>
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
 * Opens the files as the container sees them, to read: of a running one with all that is mounted there, of a stopped one its root alone.
 *
 * @throws {AirplantError} `ERR_NOT_RUNNING` for a stopped container on the host image
 */
export async function openFiles(files: ContainerFiles): Promise<OpenFiles> {
  const running = await openRunning(files)
  return running ?? (await files.inTurn(() => openStopped(files, stoppedRoot(files, false))))
}

/** The same to write: nobody else writes to a stopped container meanwhile. */
export async function changeFiles<T>(files: ContainerFiles, change: (channel: FileChannel) => Promise<T>): Promise<T> {
  const running = await openRunning(files)
  if (running) return await changeOpen(running, change)
  return await files.inTurn(async () => changeOpen(await openStopped(files, stoppedRoot(files, true)), change))
}

/** Opens a directory of the host, as the keeper can. */
export async function openDirectory(session: Session, path: string): Promise<OpenFiles> {
  return await openTarget(session, { kind: 'directory', path })
}

async function changeOpen<T>(open: OpenFiles, change: (channel: FileChannel) => Promise<T>): Promise<T> {
  await using opened = open
  return await change(opened.channel)
}

/** Undefined when it has ended, also when nobody has heard of that yet. */
async function openRunning({ session, handle, signal }: ContainerFiles): Promise<OpenFiles | undefined> {
  if (handle === undefined) return undefined
  try {
    return await openTarget(session, { kind: 'process', handle }, signal)
  } catch (error) {
    if (isAirplantError(error) && error.code === 'ERR_NOT_RUNNING') return undefined
    throw error
  }
}

/** It may have been removed since it was asked for. */
async function openStopped(files: ContainerFiles, target: FileTarget): Promise<OpenFiles> {
  try {
    return await openTarget(files.session, target, files.signal)
  } catch (error) {
    throw existsSync(files.scratch) ? error : wasRemoved(files)
  }
}

async function openTarget(session: Session, target: FileTarget, signal?: AbortSignal): Promise<OpenFiles> {
  const worker = await FileWorker.start(session, target)
  try {
    const channel = await worker.connect()
    const cut = (): void => channel.close()
    signal?.addEventListener('abort', cut, { once: true })
    if (signal?.aborted) cut()
    return {
      channel,
      async [Symbol.asyncDispose]() {
        signal?.removeEventListener('abort', cut)
        channel.close()
        await worker[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await worker[Symbol.asyncDispose]()
    throw error
  }
}

function stoppedRoot(files: ContainerFiles, toWrite: boolean): FileTarget {
  const { root, driver, scratch } = files
  if (!root) throw keepsNothing(files, 'copy')
  if (driver === 'copy') return { kind: 'directory', path: join(scratch, 'copy') }
  if (driver === 'fuse-overlayfs') return { kind: 'directory', path: join(scratch, 'merged') }
  const upper = upperOf(files)
  // Two mounts at once may not share an upper directory, but any number may have it as their topmost lower one.
  if (!toWrite) return { kind: 'overlay', lowers: [upper, ...root.lowers] }
  return { kind: 'overlay', lowers: root.lowers, upper, work: join(scratch, 'root.work') }
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
