import { readFileSync } from 'node:fs'
import { AirplantError } from '../../errors.ts'
import type { LockOptions } from '../../rootless/hold-lock.ts'
import type { Session } from '../../rootless/session.ts'
import type { Descriptor } from '../descriptor.ts'
import type { LocalImage, UnpackedLayer } from '../image.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import type { Reference } from '../reference.ts'
import { BlobStore } from './blob-store.ts'
import type { CollectedGarbage } from './collect-garbage.ts'
import type { DiskUsage } from './disk-usage.ts'
import { storeHome } from './home.ts'
import { IndexFile } from './index-file.ts'
import type { StoredImage } from './image-table.ts'
import { ImageTable } from './image-table.ts'
import { LayerStore } from './layer-store.ts'
import type { ListedImage } from './list-images.ts'
import type { ImagePruneOptions, PrunedImages } from './prune-images.ts'
import type { RemovedImage } from './remove-image.ts'
import { imageUseKey } from './image-use.ts'
import { SnapshotRecords } from './snapshot-records.ts'
import type { SnapshotOptions } from './publish-snapshot.ts'
import { StoreContext } from './store-context.ts'
import type { TagOptions } from './tag-image.ts'
import { nameImage, tagManifest } from './tag-image.ts'
import type { Use } from './uses.ts'
import type { StoreFault } from './verify-store.ts'
import { VolumeStore } from './volumes.ts'

/**
 * Images, layers and volumes on disk, for one session. It is an OCI image layout (`oci/`), which other tools can read, with unpacked layers
 * beside it. Several processes may use it at once, and any of them may be killed at any time: what is found in it is whole.
 *
 * @example
 * const store = ImageStore.of(session, process.env)
 * const image = await store.find('postgres:17')
 */
export class ImageStore {
  readonly home: string
  readonly blobs: BlobStore
  readonly layers: LayerStore
  readonly volumes: VolumeStore
  /** @internal */
  readonly context: StoreContext
  /** @internal */
  readonly index: IndexFile
  /** @internal */
  readonly records: SnapshotRecords
  /** @internal */
  readonly table: ImageTable

  private constructor(session: Session, home: string) {
    this.home = home
    this.context = new StoreContext(session, home)
    this.blobs = new BlobStore(this.context)
    this.layers = new LayerStore(this.context)
    this.volumes = new VolumeStore(this.context)
    this.index = new IndexFile(this.context)
    this.records = new SnapshotRecords(this.context)
    this.table = new ImageTable(this.blobs, this.index, this.records)
  }

  /**
   * The store of a session, opened at the first call.
   *
   * @throws {AirplantError} `ERR_STORE` (a newer version, damaged, not yours), `ERR_INVALID_OPTION` (AIRPLANT_HOME), `ERR_DISK_FULL`
   */
  static of(session: Session, env: NodeJS.ProcessEnv = process.env): ImageStore {
    const home = storeHome(env)
    return session.once(`images ${home}`, () => new ImageStore(session, home))
  }

  /**
   * The image of a name, a digest, an ID or the beginning of one; undefined unless all of it is there and unpacked. To start containers
   * from it, {@link ImageStore.use} its layers first.
   *
   * @throws {AirplantError} `ERR_INVALID_REFERENCE`, `ERR_STORE`
   */
  async find(name: string): Promise<LocalImage | undefined> {
    const stored = this.table.find(name)
    return stored && this.local(stored)
  }

  /** The same, also when layers are not unpacked (for this mapping of IDs); its blobs may then still be there. */
  lookup(name: string): StoredImage | undefined {
    return this.table.find(name)
  }

  /** The bytes of an image's manifest, with the digest that registries know; undefined for a snapshot. */
  manifestBytes({ descriptor }: StoredImage): Buffer | undefined {
    return descriptor && readFileSync(this.blobs.path(descriptor.digest))
  }

  /** An image that is unpacked. @internal */
  local({ id, config, layers, descriptor }: StoredImage): LocalImage | undefined {
    const unpacked: UnpackedLayer[] = []
    for (const key of layers) {
      const layer = this.layers.find(key)
      if (!layer) return undefined
      unpacked.push(layer)
    }
    return { id, digest: descriptor?.digest, config, layers: unpacked }
  }

  /**
   * Records that this session uses an image and volumes, so that nobody deletes them. Undefined when something of them is not there any
   * more: find or pull the image again then. What is not released is released when the session ends.
   *
   * @param volumes names
   * @example
   * const use = await store.use(image)
   * if (!use) image = await pullImage(…)
   */
  async use(
    image: Pick<LocalImage, 'id' | 'layers'> | undefined,
    volumes: readonly string[] = [],
  ): Promise<Use | undefined> {
    const layers = image?.layers ?? []
    const ofImage = image ? [imageUseKey(image.id), ...layers.map(({ key }) => this.layers.useKey(key))] : []
    const use = await this.context.uses.add([...ofImage, ...volumes.map((name) => this.volumes.useKey(name))])
    const areThere =
      layers.every(({ key }) => this.layers.find(key)) && volumes.every((name) => this.volumes.find(name))
    if (areThere) return use
    use.release()
    return undefined
  }

  /** Does what the first {@link ImageStore.use} would wait for: a millisecond that can be spent early. */
  async prepare(): Promise<void> {
    await this.context.uses.open()
  }

  /**
   * Runs a function with a lock of the store held; it holds between all processes. While `collect` is held shared nothing is deleted that no
   * image refers to yet: whoever brings blobs and layers of a new image holds it until the image has its name.
   */
  withLock<T>(name: string, options: Omit<LockOptions, 'wait'>, run: () => Promise<T>): Promise<T> {
    return this.context.withLock(name, options, run)
  }

  /** Gives a manifest, whose blobs are all there, a name; an image that had the name loses it. */
  tag(reference: Reference, descriptor: Descriptor, options?: TagOptions): Promise<void> {
    return tagManifest(this, reference, descriptor, options)
  }

  /**
   * Gives an image one more name, as `docker tag` does.
   *
   * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`, `ERR_INVALID_REFERENCE`
   */
  name(image: string, name: string): Promise<void> {
    return nameImage(this, image, name)
  }

  /** One item for each name of each image, and one for an image without names; newest first. */
  async list(): Promise<readonly ListedImage[]> {
    const { listImages } = await import('./list-images.ts')
    return await listImages(this)
  }

  /**
   * Takes a name away, and with the last one the image.
   *
   * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND`, `ERR_IN_USE`
   */
  async removeImage(name: string, options: { force?: boolean } = {}): Promise<RemovedImage> {
    const { removeImage } = await import('./remove-image.ts')
    return await removeImage(this, name, options)
  }

  /** Deletes images that are not needed, and all that no image needs. Waits for pulls that run. */
  async prune(options: ImagePruneOptions = {}): Promise<PrunedImages> {
    const { pruneImages } = await import('./prune-images.ts')
    return await pruneImages(this, options)
  }

  /** Deletes what no image needs. @returns undefined when that would have to wait for a pull, and `wait` is false */
  async collectGarbage(
    options: { wait?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<CollectedGarbage | undefined> {
    const { collectGarbage } = await import('./collect-garbage.ts')
    return await collectGarbage(this, options)
  }

  /** Deletes what killed processes left half-done, unless somebody is at it already. */
  async sweep(): Promise<void> {
    if (!this.context.temporary.hasEntries()) return
    await using lock = await this.context.lock('sweep', { wait: false })
    if (lock) await this.context.temporary.sweep()
  }

  /** What takes how much space. */
  async diskUsage(): Promise<DiskUsage> {
    const { diskUsage } = await import('./disk-usage.ts')
    return await diskUsage(this)
  }

  /** Reads all blobs again. @returns what is wrong; empty when nothing is */
  async verify(): Promise<readonly StoreFault[]> {
    const { verifyStore } = await import('./verify-store.ts')
    return await verifyStore(this)
  }

  /** Makes an image of what a stopped container changed, by a rename. @see publishSnapshot */
  async publishSnapshot(options: SnapshotOptions): Promise<LocalImage> {
    const { publishSnapshot } = await import('./publish-snapshot.ts')
    return await publishSnapshot(this, options)
  }

  /** Waits until published layers are on the disk; without it they may be lost when the machine goes down, never torn. */
  synced(): Promise<void> {
    return this.layers.synced()
  }

  /** The image of a name or ID. @throws {AirplantError} `ERR_IMAGE_NOT_FOUND` @internal */
  require(name: string): StoredImage {
    const stored = this.table.find(name)
    if (stored) return stored
    throw new AirplantError({
      code: 'ERR_IMAGE_NOT_FOUND',
      phase: 'store',
      message: `Cannot find the image ${quoteBriefly(name)} in the store`,
      hint: '"airplant images" lists what is there, "airplant pull" fetches',
      image: name,
    })
  }
}
