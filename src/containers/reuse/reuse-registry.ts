import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readPlainFile } from '../../networks/definitions/network-definitions.ts'
import { writeAtomically } from '../../networks/network-record.ts'
import type { HeldLock } from '../../rootless/hold-lock.ts'
import { holdLock } from '../../rootless/hold-lock.ts'
import type { Session } from '../../rootless/session.ts'
import { prepareDirectory } from '../../rootless/state-directory.ts'

/** Where a container that is used again and again is found. */
export interface ReusedPlace {
  /** Of its configuration. */
  readonly key: string
  /** Its session's directory; the session may have ended. */
  readonly directory: string
  /** The container's ID. */
  readonly container: string
}

const KEY = /^[0-9a-f]{64}$/

/** Which session has the container of which configuration, for all processes of this account: a small file each. */
export class ReuseRegistry {
  readonly directory: string
  readonly #state: string

  /** @param state the state directory */
  constructor(state: string) {
    this.#state = state
    this.directory = join(state, 'reuse')
  }

  find(key: string): ReusedPlace | undefined {
    const text = readPlainFile(join(this.directory, key))
    const [, session, container] = /^([0-9a-f]{12}) ([0-9a-f]{12})\n$/.exec(text ?? '') ?? []
    if (session === undefined || container === undefined) return undefined
    return { key, directory: join(this.#state, 'sessions', session), container }
  }

  /** All that are registered, dead or alive. */
  list(): ReusedPlace[] {
    if (!existsSync(this.directory)) return []
    const keys = readdirSync(this.directory).filter((name) => KEY.test(name))
    return keys.sort().flatMap((key) => this.find(key) ?? [])
  }

  /** Only who holds the lock may. */
  write(key: string, session: Session, container: string): void {
    writeAtomically(join(this.directory, key), `${basename(session.directory)} ${container}\n`)
  }

  /** Forgets those whose session has ended. A directory is there before it is registered. */
  sweep(): void {
    for (const { key, directory } of this.list()) {
      if (!existsSync(directory)) rmSync(join(this.directory, key), { force: true })
    }
  }

  /**
   * Whoever takes or makes the container of that key holds this lock meanwhile.
   *
   * @throws {AirplantError} `ERR_ABORTED`, and those of {@link holdLock}
   */
  async lock(session: Session, key: string, signal: AbortSignal | undefined): Promise<HeldLock> {
    prepareDirectory(this.#state, 'reuse', session.mapping.rootUid)
    // A file that is locked cannot be deleted, so there are not as many as keys: sometimes two wait for each other in vain.
    return (await holdLock(session, join(this.directory, `lock-${key.slice(0, 2)}`), { signal }))!
  }
}
