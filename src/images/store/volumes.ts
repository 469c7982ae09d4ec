import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import type { StoreContext } from './store-context.ts'
import { explainFailure } from './store-error.ts'

/** A directory that outlives containers. */
export interface Volume {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly created: string
  /** Its root, an absolute path. */
  readonly directory: string
  /** It was used before, or filled: nothing of an image is copied into it any more. */
  readonly isFilled: boolean
}

/** What `volume.json` holds. */
interface VolumeRecord {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly created: string
  /** `filling`: whoever began that may have been killed. */
  readonly state: 'empty' | 'filling' | 'filled'
}

const RECORD = 'volume.json'
const CONDEMNED = 'condemned.json'
const FILES = 'fs'

/** The named volumes of a store. */
export class VolumeStore {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Under which key the session's uses have it. */
  useKey(name: string): string {
    return `volume ${name}`
  }

  /** @throws {AirplantError} `ERR_INVALID_OPTION` when it is no name */
  find(name: string): Volume | undefined {
    const directory = this.#directory(name)
    const record = readRecord(directory, name)
    if (!record) return undefined
    const { labels, created, state } = record
    return { name, labels, created, directory: join(directory, FILES), isFilled: state === 'filled' }
  }

  /** All of them by name. */
  list(): Volume[] {
    const names = readdirSync(this.#context.layout.volumes).filter((name) => isName(name))
    return names.sort().flatMap((name) => this.find(name) ?? [])
  }

  /**
   * Makes a volume; one that is there is given back as it is.
   *
   * @throws {AirplantError} `ERR_INVALID_OPTION` when it is no name, `ERR_DISK_FULL`, `ERR_STORE`
   */
  async create(name: string, labels: Readonly<Record<string, string>> = {}): Promise<Volume> {
    const found = this.find(name)
    if (found) return found
    return await this.#withLock(name, async () => {
      const directory = this.#directory(name)
      // Whoever was about to delete it is dead: the lock is ours.
      if (readRecord(directory, name, CONDEMNED)) renameSync(join(directory, CONDEMNED), join(directory, RECORD))
      const there = this.find(name)
      if (there) return there
      await this.#context.temporary.discard(directory)
      await this.#make(name, labels)
      return this.find(name)!
    })
  }

  /**
   * Fills a volume that is new and empty from an image, once: what is begun and not finished is done again from the beginning.
   *
   * @param copy writes into the directory it is given
   * @returns whether it was filled now
   */
  async fill(name: string, copy: (directory: string) => Promise<void>): Promise<boolean> {
    if (this.#require(name).isFilled) return false
    return await this.#withLock(name, async () => {
      const volume = this.#require(name)
      if (volume.isFilled) return false
      const directory = this.#directory(name)
      if (readRecord(directory, name)?.state === 'filling') await this.#empty(volume.directory)
      const isNew = isEmpty(volume.directory)
      if (isNew) {
        this.#write(directory, { ...volume, state: 'filling' })
        await copy(volume.directory)
      }
      this.#write(directory, { ...volume, state: 'filled' })
      return isNew
    })
  }

  /** @throws {AirplantError} `ERR_VOLUME_NOT_FOUND`, `ERR_IN_USE` */
  async remove(name: string): Promise<void> {
    this.#require(name)
    await this.#withLock(name, async () => {
      const directory = this.#directory(name)
      if (!this.#condemn(directory)) return
      const isUsed = (await this.#context.uses.all()).has(this.useKey(name))
      if (!isUsed) {
        await this.#context.temporary.discard(directory)
        return
      }
      renameSync(join(directory, CONDEMNED), join(directory, RECORD))
      throw new AirplantError({
        code: 'ERR_IN_USE',
        phase: 'store',
        message: `Cannot remove the volume "${name}": a container uses it`,
        hint: 'Stop the containers that have it first',
      })
    })
  }

  /** Removes the volumes that no container uses. @returns their names */
  async prune(options: { filter?: (volume: Volume) => boolean } = {}): Promise<string[]> {
    const used = await this.#context.uses.all()
    const { filter = () => true } = options
    const removed: string[] = []
    for (const volume of this.list()) {
      if (used.has(this.useKey(volume.name)) || !filter(volume)) continue
      try {
        await this.remove(volume.name)
        removed.push(volume.name)
      } catch (error) {
        const { code } = error as AirplantError
        if (code !== 'ERR_IN_USE' && code !== 'ERR_VOLUME_NOT_FOUND') throw error
      }
    }
    return removed
  }

  async #make(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    const { temporary } = this.#context
    const shell = await temporary.make()
    try {
      temporary.makeDirectory(join(shell, FILES), 0o755)
      this.#write(shell, { name, labels, created: new Date().toISOString(), state: 'empty' })
      renameSync(shell, this.#directory(name))
    } catch (error) {
      await temporary.remove(shell).catch(() => undefined)
      throw explainFailure(error, `make the volume "${name}"`)
    }
  }

  async #empty(directory: string): Promise<void> {
    await this.#context.temporary.discard(directory)
    this.#context.temporary.makeDirectory(directory, 0o755)
  }

  // Invisible for whoever uses it from now on; whoever did so before is seen in the uses.
  #condemn(directory: string): boolean {
    try {
      renameSync(join(directory, RECORD), join(directory, CONDEMNED))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw explainFailure(error, `remove "${directory}"`)
    }
  }

  #write(directory: string, { name, labels, created, state }: VolumeRecord): void {
    const record: VolumeRecord = { name, labels, created, state }
    this.#context.temporary.replaceFile(join(directory, RECORD), JSON.stringify(record))
  }

  #withLock<T>(name: string, run: () => Promise<T>): Promise<T> {
    return this.#context.withLock(`volume-${name}`, {}, run)
  }

  #directory(name: string): string {
    if (isName(name)) return join(this.#context.layout.volumes, name)
    throw new AirplantError({
      code: 'ERR_INVALID_OPTION',
      phase: 'store',
      message: `Cannot use ${quoteBriefly(name)} as a volume's name`,
      hint: 'Names have letters, digits, "_", "." and "-", and begin with a letter or digit',
    })
  }

  #require(name: string): Volume {
    const volume = this.find(name)
    if (volume) return volume
    throw new AirplantError({
      code: 'ERR_VOLUME_NOT_FOUND',
      phase: 'store',
      message: `Cannot find the volume "${name}"`,
      hint: '"airplant volume ls" lists what is there, "airplant volume create" makes one',
    })
  }
}

function isName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}$/.test(name)
}

function readRecord(directory: string, name: string, file: string = RECORD): VolumeRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(directory, file), 'utf8')) as Partial<VolumeRecord>
    const { labels, created, state } = record
    const isWhole = record.name === name && typeof labels === 'object' && typeof created === 'string'
    return isWhole && state !== undefined ? { name, labels, created, state } : undefined
  } catch {
    return undefined
  }
}

// One that Node may not look into belongs to a user of a container, who has used it.
function isEmpty(directory: string): boolean {
  try {
    return readdirSync(directory).every((name) => name === 'lost+found')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return false
    throw explainFailure(error, `look into "${directory}"`)
  }
}
