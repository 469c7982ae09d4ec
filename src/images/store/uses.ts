import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { HeldLock } from '../../rootless/hold-lock.ts'
import { holdLock } from '../../rootless/hold-lock.ts'
import type { Session } from '../../rootless/session.ts'
import { explainFailure } from './store-error.ts'
import type { StoreLayout } from './store-layout.ts'

/** Bytes of a file of uses beyond which a use is no longer taken back before its session ends. */
const LARGEST = 1024 ** 2

/** Something of the store that is used until it is released. */
export interface Use {
  release(): void
  /** It does not end with this process, but with the session's keeper. */
  keep(): Promise<void>
}

/** The file of a session that uses something. */
interface OpenFile {
  readonly id: string
  readonly descriptor: number
  readonly lock: HeldLock
}

/**
 * Which layers and volumes the living sessions use, so that nobody deletes them. Each session has one file, locked while it lives by a
 * helper of its keeper; it holds lines `+ key` and `- key`, and the file of a dead session says nothing. A use is written before it is
 * looked whether the thing is still there; whoever deletes makes the thing invisible first and reads the uses then. So one of the two
 * sees the other.
 */
export class Uses {
  readonly #session: Session
  readonly #layout: StoreLayout
  readonly #counts = new Map<string, number>()
  readonly #written = new Set<string>()
  #opening: Promise<OpenFile> | undefined
  #size = 0

  constructor(session: Session, layout: StoreLayout) {
    this.#session = session
    this.#layout = layout
  }

  /** Makes the session's file, so that a later {@link Uses.add} need not wait. @returns its name */
  async open(): Promise<string> {
    this.#opening ??= this.#open()
    try {
      return (await this.#opening).id
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  /** Records uses. @param keys without line ends */
  async add(keys: readonly string[]): Promise<Use> {
    await this.open()
    const { descriptor, lock } = await this.#opening!
    const fresh = keys.filter((key) => !this.#written.has(key))
    this.#write(descriptor, '+', fresh)
    for (const key of fresh) this.#written.add(key)
    for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    let isOver = false
    return {
      release: () => {
        if (!isOver) this.#release(descriptor, keys)
        isOver = true
      },
      keep: () => lock.keep(),
    }
  }

  /** What all living sessions use, this one among them. Files of dead ones are deleted. */
  async all(): Promise<ReadonlySet<string>> {
    const used = new Set<string>()
    for (const id of readdirSync(this.#layout.uses)) {
      for (const key of (await this.#isAlive(id)) ? readUses(join(this.#layout.uses, id)) : []) used.add(key)
    }
    return used
  }

  /** Names of the sessions that live, of those that have a file. */
  async living(): Promise<ReadonlySet<string>> {
    const living = new Set<string>()
    for (const id of readdirSync(this.#layout.uses)) if (await this.#isAlive(id)) living.add(id)
    return living
  }

  async #open(): Promise<OpenFile> {
    for (;;) {
      const id = `${basename(this.#session.directory)}-${randomBytes(4).toString('hex')}`
      const path = join(this.#layout.uses, id)
      const lock = (await holdLock(this.#session, path))!
      try {
        const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW
        return { id, lock, descriptor: openSync(path, flags) }
      } catch (error) {
        // Somebody who looked for dead sessions had the lock first, and deleted the file.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explainFailure(error, `write "${path}"`)
      }
    }
  }

  async #isAlive(id: string): Promise<boolean> {
    if ((await this.#opening?.catch(() => undefined))?.id === id) return true
    const path = join(this.#layout.uses, id)
    const lock = await holdLock(this.#session, path, { wait: false })
    if (!lock) return true
    rmSync(path, { force: true })
    await lock[Symbol.asyncDispose]()
    return false
  }

  #release(descriptor: number, keys: readonly string[]): void {
    const gone: string[] = []
    for (const key of keys) {
      const count = this.#counts.get(key)! - 1
      if (count > 0) this.#counts.set(key, count)
      else if (this.#counts.delete(key) && this.#size < LARGEST) gone.push(key)
    }
    for (const key of gone) this.#written.delete(key)
    this.#write(descriptor, '-', gone)
  }

  // One write, so that no reader sees half of a line's beginning without the rest ever coming.
  #write(descriptor: number, sign: '+' | '-', keys: readonly string[]): void {
    if (keys.length === 0) return
    const text = keys.map((key) => `${sign} ${key}\n`).join('')
    try {
      this.#size += writeSync(descriptor, text)
    } catch (error) {
      throw explainFailure(error, 'record what is used')
    }
  }
}

function readUses(path: string): Set<string> {
  const used = new Set<string>()
  for (const line of readOwn(path).split('\n')) {
    if (line.startsWith('+ ')) used.add(line.slice(2))
    else if (line.startsWith('- ')) used.delete(line.slice(2))
  }
  return used
}

// Where containers run as another account than Node, they could have put a link there.
function readOwn(path: string): string {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return ''
  }
  try {
    return fstatSync(descriptor).isFile() ? readFileSync(descriptor, 'utf8') : ''
  } finally {
    closeSync(descriptor)
  }
}
