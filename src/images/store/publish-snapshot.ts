import { randomBytes } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { renameByKeeper } from '../../rootless/host-files.ts'
import type { LocalImage } from '../image.ts'
import { MOST_LAYERS } from '../manifest.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { ImageStore } from './image-store.ts'
import type { LayerOwner } from './layer-record.ts'
import { FILES } from './layer-record.ts'
import { idOf } from './snapshot-records.ts'
import { explainFailure } from './store-error.ts'
import { takeFromSnapshots, withoutName } from './tag-image.ts'

/** @see ImageStore.publishSnapshot */
export interface SnapshotOptions {
  /** The upper directory of a stopped container, unmounted; it is gone afterwards. On the file system of the store. */
  readonly upper: string
  readonly base: LocalImage
  /** Replaces fields of the configuration's `config`, under the names that they have in it: `{ Cmd: ['postgres'] }`. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly author?: string | undefined
  readonly comment?: string | undefined
  /** What `history` says that made it. */
  readonly createdBy?: string | undefined
  /** Its name. Default: none. */
  readonly reference?: string | undefined
  /** As the storage driver of the container has it. Default false. */
  readonly markedByFiles?: boolean
  /** @see LayerFacts.owner */
  readonly owner?: LayerOwner | undefined
}

/**
 * Makes an image of what a container changed. Nothing is copied: the upper directory becomes a layer, by a rename that takes as long however
 * much is in it. The layer has no blob and no diff ID until the image is saved or pushed.
 *
 * @throws {AirplantError} `ERR_FILE_FAILED` with errno `EXDEV` when the upper directory is on another file system; `ERR_STORE`,
 *   `ERR_INVALID_REFERENCE`, `ERR_INVALID_IMAGE` (too many layers)
 */
export async function publishSnapshot(store: ImageStore, options: SnapshotOptions): Promise<LocalImage> {
  const { upper, base, reference } = options
  const name = reference === undefined ? undefined : formatReference(parseReference(reference))
  if (base.layers.length >= MOST_LAYERS) throw tooManyLayers()
  const { context, layers, records } = store
  const key = `snapshot:${randomBytes(16).toString('hex')}`
  const config = documentOf(options, key)
  const id = idOf(config)
  const rootMode = modeOf(upper)
  const shell = await context.temporary.make()
  const files = join(shell, FILES)
  try {
    await renameByKeeper(context.session, upper, files)
    const { markedByFiles = false, owner } = options
    layers.writeRecord(shell, key, { bytes: 0, entries: 0, rootMode, markedByFiles, devices: [], owner })
    await store.index.change((entries) => {
      if (name !== undefined) takeFromSnapshots(store, name)
      const keys = [...base.layers.map((layer) => layer.key), key]
      // The record first: whoever collects garbage looks for layers before he looks who needs them.
      records.write({ id, config, layers: keys, names: name === undefined ? [] : [name] })
      layers.publish(shell, key)
      return name === undefined ? [...entries] : withoutName(entries, name)
    })
  } catch (error) {
    // What the container wrote is nowhere else.
    await renameByKeeper(context.session, files, upper).catch(() => undefined)
    await context.temporary.remove(shell).catch(() => undefined)
    throw error
  }
  return store.local(store.require(id))!
}

function modeOf(upper: string): number {
  try {
    return lstatSync(upper).mode & 0o7777
  } catch (error) {
    throw explainFailure(error, `make a snapshot of "${upper}"`)
  }
}

function documentOf({ base, config, author, comment, createdBy }: SnapshotOptions, key: string): string {
  const { document } = base.config
  const created = new Date().toISOString()
  const step = { created, created_by: createdBy ?? 'airplant snapshot', comment, author }
  return JSON.stringify({
    ...document,
    created,
    ...(author !== undefined && { author }),
    config: { ...(document['config'] as object | undefined), ...config },
    rootfs: { type: 'layers', diff_ids: [...base.layers.map((layer) => layer.key), key] },
    history: [...((document['history'] as unknown[] | undefined) ?? []), step],
  })
}

function tooManyLayers(): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    phase: 'commit',
    message: `Cannot add a layer: the image has ${MOST_LAYERS}, which is the most that the kernel mounts`,
    hint: 'Export the container and import it again, which makes one layer of all',
  })
}
