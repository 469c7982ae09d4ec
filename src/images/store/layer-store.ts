import { readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { UnpackedLayer } from '../image.ts'
import type { LayerFacts, LayerRecord } from './layer-record.ts'
import { CONDEMNED, FILES, isSynced, layerDirectoryName, readBootId, readLayerRecord, RECORD } from './layer-record.ts'
import { LayerSync } from './layer-sync.ts'
import type { StoreContext } from './store-context.ts'
import { explainFailure } from './store-error.ts'

/** A layer with what is known of it. */
interface KnownLayer {
  readonly layer: UnpackedLayer
  readonly record: LayerRecord
  /** Of its record's file. */
  readonly inode: number
}

/** Fills a layer's root, an empty directory, by the keeper's file worker. */
export type FillLayer = (directory: string) => Promise<LayerFacts>

/** The unpacked layers of the store, for this session's mapping of IDs. A layer that is found is whole. */
export class LayerStore {
  readonly #context: StoreContext
  readonly #bootId = readBootId()
  readonly #sync: LayerSync
  readonly #known = new Map<string, KnownLayer>()

  constructor(context: StoreContext) {
    this.#context = context
    this.#sync = new LayerSync(context)
  }

  /** @param key diff ID, or `'snapshot:…'` */
  find(key: string): UnpackedLayer | undefined {
    return this.#find(key)?.layer
  }

  /** What `layer.json` says, undefined when the layer is not there. */
  facts(key: string): LayerFacts | undefined {
    return this.#find(key)?.record
  }

  /** Under which key {@link StoreContext.uses} has it. */
  useKey(key: string): string {
    return `layer ${this.#context.layout.mapping}/${layerDirectoryName(key)}`
  }

  /**
   * Makes a layer unless it is there. Of several that want the same one, also in other processes, one works and the others wait; when it
   * is killed the next one begins anew.
   *
   * @throws {AirplantError} what `fill` throws; `ERR_DISK_FULL`, `ERR_STORE`, `ERR_ABORTED`. Nothing is left of it then
   */
  async create(
    key: string,
    fill: FillLayer,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<UnpackedLayer> {
    const found = this.find(key)
    if (found) return found
    return await this.#context.withLock(`layer-${key}`, { signal: options.signal }, async () => {
      const there = this.find(key) ?? (await this.#recover(key))
      if (there) return there
      const shell = await this.#context.temporary.make()
      try {
        const files = join(shell, FILES)
        this.#context.temporary.makeDirectory(files, 0o755)
        this.writeRecord(shell, key, await fill(files))
        return this.publish(shell, key)
      } catch (error) {
        await this.#context.temporary.remove(shell).catch(() => undefined)
        throw error
      }
    })
  }

  /** Writes the record of a layer that is about to be published. */
  writeRecord(shell: string, key: string, facts: LayerFacts): void {
    const { bytes, entries, rootMode, markedByFiles, devices, owner } = facts
    const record: LayerRecord = { key, bytes, entries, rootMode, markedByFiles, devices, owner, bootId: this.#bootId }
    const path = join(shell, RECORD)
    try {
      writeFileSync(path, JSON.stringify(record), { mode: 0o600, flag: 'wx' })
    } catch (error) {
      throw explainFailure(error, `write "${path}"`)
    }
  }

  /** Writes down what was not known when the layer was published. While `collect` is held, so that nobody deletes it meanwhile. */
  amendRecord(key: string, facts: Pick<LayerFacts, 'bytes' | 'entries'>): void {
    const found = this.#find(key)
    if (!found) return
    const text = JSON.stringify({ ...found.record, ...facts })
    this.#context.temporary.replaceFile(join(this.#directory(key), RECORD), text)
  }

  /** Gives a finished directory its place. That all of it reaches the disk is not waited for. */
  publish(shell: string, key: string): UnpackedLayer {
    const directory = this.#directory(key)
    try {
      renameSync(shell, directory)
    } catch (error) {
      throw explainFailure(error, `write "${directory}"`)
    }
    return this.find(key)!
  }

  /** Waits until what was published is on the disk. */
  synced(): Promise<void> {
    return this.#sync.done()
  }

  /** Keys of all layers of this mapping, and of those that are not whole. */
  list(): string[] {
    const names = readdirSync(this.#context.layout.layers)
    return names
      .filter((name) => /^(sha256|sha512|snapshot)-[0-9a-f]+$/.test(name))
      .map((name) => name.replace('-', ':'))
  }

  /** Makes a layer invisible, for the time in which it is looked whether somebody uses it. */
  condemn(key: string): void {
    rename(this.#directory(key), RECORD, CONDEMNED)
  }

  /** Makes it visible again. */
  pardon(key: string): void {
    rename(this.#directory(key), CONDEMNED, RECORD)
  }

  /** Deletes a layer that nobody uses. @returns bytes of its files, as far as known */
  async remove(key: string): Promise<number> {
    const directory = this.#directory(key)
    const record = readLayerRecord(directory, this.#bootId, CONDEMNED) ?? readLayerRecord(directory, this.#bootId)
    this.#known.delete(key)
    await this.#context.temporary.discard(directory)
    return record?.bytes ?? 0
  }

  #find(key: string): KnownLayer | undefined {
    const directory = this.#directory(key)
    const stat = statSync(join(directory, RECORD), { throwIfNoEntry: false })
    const known = this.#known.get(key)
    if (stat && known?.inode === stat.ino) return known
    this.#known.delete(key)
    const record = stat && readLayerRecord(directory, this.#bootId)
    if (!record || record.key !== key) return undefined
    const { rootMode, markedByFiles } = record
    const layer = { key, directory: join(directory, FILES), rootMode, markedByFiles }
    // Whoever published it may have ended before it was on the disk.
    if (!isSynced(directory)) this.#sync.add(directory)
    const found = { layer, record, inode: stat.ino }
    this.#known.set(key, found)
    return found
  }

  // The lock on the layer is held: whoever condemned it, or did not finish it, is dead, or deletes it under a lock that keeps pulls out.
  async #recover(key: string): Promise<UnpackedLayer | undefined> {
    const directory = this.#directory(key)
    if (readLayerRecord(directory, this.#bootId, CONDEMNED)) this.pardon(key)
    const there = this.find(key)
    if (!there) await this.#context.temporary.discard(directory)
    return there
  }

  #directory(key: string): string {
    return join(this.#context.layout.layers, layerDirectoryName(key))
  }
}

function rename(directory: string, from: string, to: string): void {
  try {
    renameSync(join(directory, from), join(directory, to))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explainFailure(error, `change "${directory}"`)
  }
}
