import { randomBytes } from 'node:crypto'
import { chownSync, closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync } from 'node:fs'
import { readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAirplantError } from '../../errors.ts'
import { removeByKeeper } from '../../rootless/host-files.ts'
import type { Session } from '../../rootless/session.ts'
import { explainFailure } from './store-error.ts'
import type { StoreLayout } from './store-layout.ts'
import type { Uses } from './uses.ts'

/** How long a file that is to replace another one may take to be written, in ms. */
const PATIENCE = 3600 * 1000

/**
 * The store's directory for what is not finished. Each entry is a directory named after the session that made it, so that others know
 * whether its maker still lives. Files are beginnings of blobs, `….partial`, which anybody may continue, and what is about to replace
 * another file, `….new`.
 */
export class Temporary {
  readonly #session: Session
  readonly #layout: StoreLayout
  readonly #uses: Uses

  constructor(session: Session, layout: StoreLayout, uses: Uses) {
    this.#session = session
    this.#layout = layout
    this.#uses = uses
  }

  /** Makes a directory that the keeper may write in too. @returns its path */
  async make(): Promise<string> {
    const path = join(this.#layout.tmp, `${await this.#uses.open()}.${randomBytes(6).toString('hex')}`)
    this.makeDirectory(path)
    return path
  }

  /** Makes a directory that belongs to the containers' root. Its parent has to be there. */
  makeDirectory(path: string, mode = 0o700): void {
    try {
      mkdirSync(path, { mode })
      const { rootUid, rootGid } = this.#session.mapping
      if (rootUid !== process.geteuid?.()) chownSync(path, rootUid, rootGid)
    } catch (error) {
      throw explainFailure(error, `make "${path}"`)
    }
  }

  /** Replaces a file of Node's, whole or not at all, and with `sync` for good. */
  replaceFile(path: string, content: string | Uint8Array, options: { sync?: boolean } = {}): void {
    const temporary = join(this.#layout.tmp, `${randomBytes(8).toString('hex')}.new`)
    try {
      writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' })
      if (options.sync) syncFile(temporary)
      renameSync(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw explainFailure(error, `write "${path}"`)
    }
  }

  /** Deletes a directory of the store with all in it; at once nobody finds it under its name any more. */
  async discard(path: string): Promise<void> {
    const shell = await this.make()
    try {
      renameSync(path, join(shell, 'discarded'))
    } catch (error) {
      rmdirSync(shell)
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw explainFailure(error, `delete "${path}"`)
    }
    await this.remove(shell)
  }

  /** Deletes an entry: what is in it may belong to any of the mapped IDs. */
  async remove(path: string): Promise<void> {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      rmSync(path, { force: true })
      return
    }
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const name = join(path, entry.name)
      if (entry.isDirectory()) await removeByKeeper(this.#session, name)
      else rmSync(name, { force: true })
    }
    rmdirSync(path)
  }

  /** Whether there is anything that a dead session may have left. */
  hasEntries(): boolean {
    return readdirSync(this.#layout.tmp).some((name) => !name.endsWith('.partial'))
  }

  /** Deletes what dead sessions left. */
  async sweep(): Promise<void> {
    // In this order: whoever has an entry now had its session's file before.
    const names = readdirSync(this.#layout.tmp)
    const living = await this.#uses.living()
    for (const name of names) {
      const path = join(this.#layout.tmp, name)
      if (name.endsWith('.partial')) continue
      const isLeft = name.endsWith('.new') ? isOld(path) : !living.has(name.split('.')[0]!)
      // What belongs to IDs that this session does not map stays for one that does.
      if (isLeft) await this.remove(path).catch(ignoreOwners)
    }
  }
}

/** Writes what a file or directory holds to the disk. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function ignoreOwners(error: unknown): void {
  if (!isAirplantError(error) || error.code !== 'ERR_FILE_FAILED') throw error
}

function isOld(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > PATIENCE
}
