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

  private constructor(files: ContainerFiles) {
    super()
    this.files = files
  }

  /** @throws {AirplantError} `ERR_IMAGE_NOT_FOUND` when its image was removed from the store, `ERR_CONTAINER_NOT_FOUND` */
  static async open({ session, listed, meta }: FoundContainer, env: NodeJS.ProcessEnv): Promise<AttachedContainer> {
    const { id, handle, state } = listed
    const root = await rootOf({ session, listed, meta }, env)
    return new AttachedContainer({
      ...{ session, env, id, image: meta.image, root, driver: meta.driver ?? 'overlay' },
      scratch: join(session.directory, 'containers', id),
      handle: state === 'exited' ? undefined : handle,
      isPaused: state === 'paused',
      addLayer: () => undefined,
    })
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
