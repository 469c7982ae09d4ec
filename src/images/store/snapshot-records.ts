import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf, isDigest } from '../digest.ts'
import { isLayerKey } from './layer-record.ts'
import type { StoreContext } from './store-context.ts'

/** An image that has layers without blobs: what a container changed, kept by a rename. */
export interface SnapshotRecord {
  /** Digest of {@link SnapshotRecord.config}. */
  readonly id: string
  /** The image's configuration as JSON; the diff IDs of layers that were never packed are their keys. */
  readonly config: string
  /** Keys, lowest first. */
  readonly layers: readonly string[]
  /** Full names. */
  readonly names: readonly string[]
}

/** The records of snapshots, `images/*.json`. They are changed under the lock `index`, together with `index.json`. */
export class SnapshotRecords {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** All of them; what is no record is passed over. */
  read(): SnapshotRecord[] {
    const { images } = this.#context.layout
    return readdirSync(images).flatMap((name) => {
      if (!/^sha256-[0-9a-f]{64}\.json$/.test(name)) return []
      const record = readRecord(join(images, name))
      return record ? [record] : []
    })
  }

  write(record: SnapshotRecord): void {
    this.#context.temporary.replaceFile(this.#path(record.id), JSON.stringify(record), { sync: true })
  }

  remove(id: string): void {
    rmSync(this.#path(id), { force: true })
  }

  #path(id: string): string {
    return join(this.#context.layout.images, `${id.replace(':', '-')}.json`)
  }
}

function readRecord(path: string): SnapshotRecord | undefined {
  try {
    const { id, config, layers, names } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    const isWhole =
      isDigest(id) && typeof config === 'string' && areTexts(layers) && layers.every(isLayerKey) && areTexts(names)
    return isWhole && idOf(config) === id ? { id, config, layers, names } : undefined
  } catch {
    return undefined
  }
}

/** The ID of an image with this configuration. */
export function idOf(config: string): string {
  return digestOf(config)
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
