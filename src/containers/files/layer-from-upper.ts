import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { UnpackedLayer } from '../../images/image.ts'
import type { ApplySummary } from '../../rootless/files/apply-options.ts'
import { renameByKeeper } from '../../rootless/host-files.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { Session } from '../../rootless/session.ts'
import { applyItems } from './apply-items.ts'
import type { ContainerFiles } from './container-files.ts'
import { openDirectory, upperOf } from './container-files.ts'

/**
 * Makes a layer of what a container wrote: by a rename when it has stopped and its upper directory is one of the kernel's overlay, else by
 * a copy. After a rename the container goes on with an empty upper directory above the layer.
 *
 * @param layer its directory is a new one, whose parent may be missing, and its grandparent too
 * @returns whether the layer is the whole root (the copy driver's), and not on top of others
 */
export async function layerFromUpper(files: ContainerFiles, layer: UnpackedLayer): Promise<{ isWhole: boolean }> {
  const { directory } = layer
  const { session, driver, handle } = files
  await makeParents(session, directory)
  if (driver !== 'overlay' || handle !== undefined) {
    await run(session, new Plan().hostMkdir(directory, files.root?.mode ?? 0o755))
    await copyUpper(session, upperOf(files), directory)
    return { isWhole: driver === 'copy' }
  }
  await renameByKeeper(session, upperOf(files), directory)
  await setWorkAside(files)
  await renewUpper(files)
  files.addLayer(layer)
  return { isWhole: false }
}

/** Copies an upper directory into an empty one, as a layer. */
export async function copyUpper(session: Session, upper: string, directory: string): Promise<ApplySummary> {
  await using source = await openDirectory(session, upper)
  await using target = await openDirectory(session, directory)
  return await applyItems(target.channel, source.channel.read('', { raw: true }), { mode: 'layer' })
}

/** The work directory of a volatile mount may not be used again; a new one is cheaper than cleaning it. */
export async function setWorkAside({ session, scratch }: ContainerFiles): Promise<void> {
  await renameByKeeper(session, join(scratch, 'root.work'), join(scratch, `old-${randomBytes(6).toString('hex')}`))
}

/** An empty upper directory for a container whose own became a layer. */
export async function renewUpper(files: ContainerFiles): Promise<void> {
  const { session, root, scratch } = files
  const plan = new Plan().hostMkdir(upperOf(files), root?.mode ?? 0o755).hostMkdir(join(scratch, 'root.work'), 0o700)
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
