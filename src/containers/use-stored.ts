import { AirplantError } from '../errors.ts'
import { storeHome } from '../images/store/home.ts'
import type { Use } from '../images/store/uses.ts'
import type { ContainerRuntime } from './runtime.ts'
import type { ContainerSpec } from './spec.ts'

/**
 * Records that a container uses layers and volumes of the store, so that nobody deletes them under it. Undefined when it uses none.
 *
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND` when some are gone
 */
export async function useStored(
  { root, image, volumes }: ContainerSpec,
  runtime: ContainerRuntime,
): Promise<Use | undefined> {
  const home = `${storeHome(runtime.env)}/`
  const layers = root === 'host' ? [] : (root.image?.layers ?? [])
  // Layers of elsewhere are not the store's to delete.
  const stored = layers.filter(({ directory }) => directory.startsWith(home))
  if (stored.length === 0 && volumes.length === 0) return undefined
  const store = await runtime.store()
  const use = await store.use(
    stored,
    volumes.map(({ name }) => name),
  )
  if (use) return use
  throw new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    phase: 'start',
    message: `Cannot start a container of "${image}": somebody has just removed the image, or a volume`,
    hint: 'Pull the image again, or make the snapshot or volume again',
    image,
  })
}
