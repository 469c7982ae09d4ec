import { join } from 'node:path'
import { AirplantError, isAirplantError } from '../../errors.ts'
import type { LocalImage } from '../../images/image.ts'
import { parseReference } from '../../images/reference.ts'
import { ImageStore } from '../../images/store/image-store.ts'
import type { SnapshotOptions } from '../../images/store/publish-snapshot.ts'
import { clientFrames, frameFields } from '../../rootless/protocol/frames.ts'
import { StepError } from '../../rootless/step-error.ts'
import { adoptLayers, isAllStored } from './adopt-layers.ts'
import type { ContainerFiles } from './container-files.ts'
import { keepsNothing, upperOf } from './container-files.ts'
import { canRename, copyUpper, renewUpper } from './layer-from-upper.ts'

/** What an image of a container is to be like. */
export interface CommitOptions {
  /** Its name. @default none: it is found by its ID */
  readonly reference?: string
  readonly author?: string
  /** For its history. */
  readonly message?: string
  /** Instructions as in a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR. */
  readonly changes?: readonly string[]
  /** Pause a running container while its files are copied. @default true */
  readonly pause?: boolean
}

/** Makes an image of a container and what it changed. @see FileAccess.commit */
export async function commit(files: ContainerFiles, options: CommitOptions): Promise<LocalImage> {
  const { root, session, driver } = files
  if (!root) throw keepsNothing(files, 'commit')
  if (!root.image) throw noImage(files)
  if (options.reference !== undefined) parseReference(options.reference)
  const base = driver === 'copy' ? withoutLayers(root.image) : root.image
  const store = ImageStore.of(session, files.env)
  if (isAllStored(store, base)) return await commitOn(base, store, files, options)
  // It stands on a snapshot. Nobody cleans up before the copies have their image.
  return await store.withLock('collect', { shared: true }, async () =>
    commitOn(await adoptLayers(files, store, base), store, files, options),
  )
}

async function commitOn(
  base: LocalImage,
  store: ImageStore,
  files: ContainerFiles,
  options: CommitOptions,
): Promise<LocalImage> {
  const { changes = [], author, message, reference } = options
  const config = await changedConfig(base, changes)
  const publish: Publish = (upper, markedByFiles) =>
    store.publishSnapshot({
      ...{ upper, base, author, reference, markedByFiles, owner: files.owner },
      ...{ comment: message, createdBy: `airplant commit ${files.id}` },
      ...(config && { config }),
    })
  const renamed = canRename(files) ? await byRename(files, store, publish) : undefined
  return renamed ?? (await whilePaused(files, options.pause ?? true, () => byCopy(files, store, publish)))
}

type Publish = (upper: string, markedByFiles: boolean) => Promise<LocalImage>

/** Undefined when the store is on another file system than the container. */
async function byRename(files: ContainerFiles, store: ImageStore, publish: Publish): Promise<LocalImage | undefined> {
  let image: LocalImage
  try {
    image = await publish(upperOf(files), false)
  } catch (error) {
    if (isAirplantError(error) && error.errno === 'EXDEV') return undefined
    throw error
  }
  // The container needs the layer as long as it can be copied from.
  const layer = image.layers.at(-1)!
  files.addLayer?.(layer, await store.use(image))
  await renewUpper(files)
  return image
}

async function byCopy(files: ContainerFiles, store: ImageStore, publish: Publish): Promise<LocalImage> {
  const { temporary } = store.context
  const shell = await temporary.make()
  try {
    const directory = join(shell, 'copy')
    temporary.makeDirectory(directory, files.root?.mode ?? 0o755)
    const { markedByFiles } = await copyUpper(files.session, upperOf(files), directory)
    return await publish(directory, markedByFiles)
  } finally {
    await temporary.remove(shell)
  }
}

async function whilePaused<T>(
  { session, handle, isPaused }: ContainerFiles,
  pause: boolean,
  run: () => Promise<T>,
): Promise<T> {
  if (handle === undefined || isPaused || !pause) return await run()
  const ask = (frame: number): Promise<unknown> => session.client.request(frame, frameFields().u(handle))
  await ask(clientFrames.pause).catch(ignoreEnded)
  try {
    return await run()
  } finally {
    // It may have ended meanwhile.
    await ask(clientFrames.resume).catch(() => undefined)
  }
}

function ignoreEnded(error: unknown): void {
  if (!(error instanceof StepError && error.errnoName === 'ESRCH')) throw error
}

async function changedConfig(
  base: LocalImage,
  changes: readonly string[],
): Promise<SnapshotOptions['config'] | undefined> {
  if (changes.length === 0) return undefined
  const { applyChanges } = await import('../../images/archives/apply-changes.ts')
  const old = (base.config.document['config'] ?? {}) as Record<string, unknown>
  // What a change takes away has to be said too.
  const without = Object.fromEntries(Object.keys(old).map((name) => [name, undefined]))
  return { ...without, ...applyChanges(old, changes) }
}

/** With the copy driver the container's directory is the whole root, so that it is the only layer. */
function withoutLayers(base: LocalImage): LocalImage {
  const document = { ...base.config.document, history: [] }
  return { ...base, layers: [], config: { ...base.config, diffIds: [], document } }
}

function noImage({ id, image }: ContainerFiles): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    phase: 'commit',
    message: `Cannot commit container ${id}: its root is the directory "${image}" and no image`,
    hint: 'Call snapshot(), which lives as long as the session, or export it and import that',
    container: id,
    image,
  })
}
