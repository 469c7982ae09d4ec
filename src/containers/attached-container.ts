import { join } from 'node:path'
import { ImageStore } from '../images/store/image-store.ts'
import { AirplantError } from '../errors.ts'
import { FileAccess } from './files/file-access.ts'
import type { ContainerFiles } from './files/container-files.ts'
import type { FoundContainer } from './find-container.ts'
import type { LayeredRoot } from './spec.ts'

/** A container that another process started, for what can be done with its files from outside. */
export class AttachedContainer extends FileAccess {
  /** @internal */
  readonly files: ContainerFiles

  private constructor(files: (inTurn: ContainerFiles['inTurn']) => ContainerFiles) {
    super()
    this.files = files((run) => this.inTurn(run))
  }

  /** @throws {AirplantError} `ERR_CONTAINER_NOT_FOUND` */
  static async open({ session, listed, meta }: FoundContainer, env: NodeJS.ProcessEnv): Promise<AttachedContainer> {
    const { id, handle, state } = listed
    // What runs can be copied to and from without.
    const found = await rootOf({ session, listed, meta }, env).catch((error: unknown) => error as Error)
    const root = (): LayeredRoot | undefined => {
      if (found instanceof Error) throw found
      return found
    }
    return new AttachedContainer((inTurn) => ({
      ...{ session, env, id, image: meta.image, driver: meta.driver ?? 'overlay', inTurn },
      get root() {
        return root()
      },
      scratch: join(session.directory, 'containers', id),
      handle: state === 'exited' ? undefined : handle,
      isPaused: state === 'paused',
      owner: meta.owner,
      addLayer: undefined,
    }))
  }
}

async function rootOf(
  { session, meta }: Pick<FoundContainer, 'session' | 'listed' | 'meta'>,
  env: NodeJS.ProcessEnv,
): Promise<LayeredRoot | undefined> {
  const { image, imageId } = meta
  if (imageId === undefined) return image === 'host' ? undefined : { lowers: [image], mode: 0o755, image: undefined }
  const found = await ImageStore.of(session, env).find(imageId)
  if (found) {
    const mode = found.layers.findLast(({ rootMode }) => rootMode !== undefined)?.rootMode ?? 0o755
    return { lowers: found.layers.map(({ directory }) => directory).toReversed(), mode, image: found }
  }
  throw new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    message: `Cannot look into the container: its image "${image}" is not in the store any more`,
    hint: 'Set AIRPLANT_HOME to the store that it was started with',
    image,
  })
}
