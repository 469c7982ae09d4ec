import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { ApplySummary } from '../../rootless/files/apply-options.ts'
import { renameByKeeper } from '../../rootless/host-files.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { Session } from '../../rootless/session.ts'
import { applyItems } from './apply-items.ts'
import type { ContainerFiles } from './container-files.ts'
import { openDirectory, upperOf } from './container-files.ts'

/** What a directory became. */
export interface MadeLayer {
  readonly markedByFiles: boolean
  /** Whether it is the whole root (the copy driver's), and not on top of others. */
  readonly isWhole: boolean
}

/**
 * Makes a layer of what a container wrote: by a rename when it has stopped and its upper directory is one of the kernel's overlay, else by
 * a copy. After a rename the container goes on with an empty upper directory.
 *
 * @param directory a new one, whose parent may be missing, and its grandparent too
 */
export async function layerFromUpper(files: ContainerFiles, directory: string): Promise<MadeLayer> {
  const { session, driver } = files
  await makeParents(session, directory)
  if (!canRename(files)) {
    await run(session, new Plan().hostMkdir(directory, files.root?.mode ?? 0o755))
    const { markedByFiles } = await copyUpper(session, upperOf(files), directory)
    return { markedByFiles, isWhole: driver === 'copy' }
  }
  await renameByKeeper(session, upperOf(files), directory)
  await renewUpper(files)
  return { markedByFiles: false, isWhole: false }
}

/** Whether nobody writes to the upper directory, and whoever has the container can be told that it is another one now. */
export function canRename({ handle, driver, addLayer }: ContainerFiles): boolean {
  return handle === undefined && driver === 'overlay' && addLayer !== undefined
}

/** Copies an upper directory into an empty one, as a layer. */
export async function copyUpper(session: Session, upper: string, directory: string): Promise<ApplySummary> {
  await using source = await openDirectory(session, upper)
  await using target = await openDirectory(session, directory)
  return await applyItems(target.channel, source.channel.read('', { raw: true, closing: true }), { mode: 'layer' })
}

/**
 * An empty upper directory for a container whose own became a layer. The work directory of a volatile mount may not be used again; a new
 * one is cheaper than cleaning it.
 */
export async function renewUpper({ session, root, scratch }: ContainerFiles): Promise<void> {
  const work = join(scratch, 'root.work')
  await renameByKeeper(session, work, join(scratch, `old-${randomBytes(6).toString('hex')}`))
  const plan = new Plan().hostMkdir(join(scratch, 'root.upper'), root?.mode ?? 0o755).hostMkdir(work, 0o700)
  await run(session, plan)
}

/** By the keeper, because real root's is another user. */
async function makeParents(session: Session, directory: string): Promise<void> {
  const parent = dirname(directory)
  for (const path of [dirname(parent), parent]) {
    await run(session, new Plan().hostMkdir(path, 0o700)).catch((error: unknown) => {
      if ((error as { errnoName?: string }).errnoName !== 'EEXIST') throw error
    })
  }
}

/** A plan without a program has ended when the keeper answers. */
async function run(session: Session, plan: Plan): Promise<void> {
  await session.client.spawn({ kind: 'helper', plan })
}
