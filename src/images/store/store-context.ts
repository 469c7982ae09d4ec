import { join } from 'node:path'
import { holdLock, type HeldLock, type LockOptions } from '../../rootless/hold-lock.ts'
import type { Session } from '../../rootless/session.ts'
import { openStore } from './open-store.ts'
import type { StoreLayout } from './store-layout.ts'
import { Temporary } from './temporary.ts'
import { Uses } from './uses.ts'

/** What the parts of a store share. */
export class StoreContext {
  readonly session: Session
  readonly layout: StoreLayout
  readonly uses: Uses
  readonly temporary: Temporary

  constructor(session: Session, home: string) {
    this.session = session
    this.layout = openStore(home, session.mapping)
    this.uses = new Uses(session, this.layout)
    this.temporary = new Temporary(session, this.layout, this.uses)
  }

  /**
   * Takes one of the store's locks, between all processes and all callers of this one.
   *
   * @param name `'index'`, `'layer-sha256:…'`
   * @returns undefined only with `wait: false`
   */
  lock(name: string, options: LockOptions = {}): Promise<HeldLock | undefined> {
    return holdLock(this.session, join(this.layout.locks, name.replaceAll(/[^A-Za-z0-9_.-]/g, '-')), options)
  }

  /** Runs a function with a lock held; waits for it. */
  async withLock<T>(name: string, options: Omit<LockOptions, 'wait'>, run: () => Promise<T>): Promise<T> {
    await using _lock = await this.lock(name, options)
    return await run()
  }
}
