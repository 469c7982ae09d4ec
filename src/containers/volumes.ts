import { join } from 'node:path'
import { AirplantError } from '../errors.ts'
import { storeHome } from '../images/store/home.ts'
import { isInStore } from '../images/store/is-in-store.ts'
import type { ImageStore } from '../images/store/image-store.ts'
import type { Use } from '../images/store/uses.ts'
import type { VolumeMount } from './plan/context.ts'
import type { ContainerRuntime } from './runtime.ts'
import type { ContainerSpec } from './spec.ts'

/** What a container has of the store. */
export interface StoredParts {
  readonly volumes: readonly VolumeMount[]
  /** Keeps others from deleting it; undefined where nothing is the store's. */
  readonly use: Use | undefined
}

/**
 * Makes the named volumes of a container, records that it uses them and its layers, and fills those volumes that are used for the first
 * time with what the image has there.
 *
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND` when something was removed in between, `ERR_DISK_FULL`, `ERR_STORE`
 */
export async function takeFromStore(spec: ContainerSpec, runtime: ContainerRuntime): Promise<StoredParts> {
  const { root, image } = spec
  const home = storeHome(runtime.env)
  const found = root === 'host' ? undefined : root.image
  // Layers of elsewhere, a snapshot's or a test's, are not the store's to delete.
  const layers = found?.layers.filter((layer) => isInStore(layer, home)) ?? []
  const stored = found && layers.length > 0 ? { id: found.id, layers } : undefined
  if (!stored && spec.volumes.length === 0) return { volumes: [], use: undefined }
  const store = await runtime.store()
  const names = [...new Set(spec.volumes.map(({ name }) => name))]
  for (const name of names) await store.volumes.create(name)
  const use = await store.use(stored, names)
  if (!use) {
    throw new AirplantError({
      code: 'ERR_IMAGE_NOT_FOUND',
      phase: 'start',
      message: `Cannot start a container of "${image}": somebody has just removed the image, or a volume`,
      hint: 'Pull the image again, or make the snapshot or volume again',
      image,
    })
  }
  try {
    for (const volume of spec.volumes) await fill(volume, spec, store, runtime)
    return { volumes: volumeMounts(spec, store.home), use }
  } catch (error) {
    use.release()
    throw error
  }
}

/** Where the volumes of a container are, whether they exist or not. */
export function volumeMounts({ volumes }: ContainerSpec, home: string): VolumeMount[] {
  return volumes.map(({ name, ...mount }) => ({ ...mount, path: join(home, 'volumes', name, 'fs') }))
}

async function fill(
  { name, target }: ContainerSpec['volumes'][number],
  { root }: ContainerSpec,
  store: ImageStore,
  runtime: ContainerRuntime,
): Promise<void> {
  if (store.volumes.find(name)?.isFilled) return
  // A host directory may be anything: only images are meant to be copied from.
  if (root === 'host' || !root.image) {
    await store.volumes.fill(name, () => Promise.resolve())
    return
  }
  const { lowers } = root
  const { driver } = await runtime.driver(undefined, root)
  const { fillVolume } = await import('./storage/fill-volume.ts')
  const source = { session: runtime.session, store, lowers, canMount: driver === 'overlay', target }
  await store.volumes.fill(name, (directory) => fillVolume(source, directory))
}
