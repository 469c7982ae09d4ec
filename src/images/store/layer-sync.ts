import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renameByKeeper } from '../../rootless/host-files.ts'
import { SYNCED } from './layer-record.ts'
import type { StoreContext } from './store-context.ts'

const WAITING = 'unsynced'

/**
 * Brings published layers to the disk in the background, and marks them then. One that was not marked when the machine went down is thrown
 * away: nobody waits for the disk, and nobody gets half a layer.
 */
export class LayerSync {
  readonly #context: StoreContext
  #waiting: string[] = []
  #running: Promise<void> | undefined

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** @param directory of a layer that was just published */
  add(directory: string): void {
    this.#waiting.push(directory)
    this.#running ??= this.#run()
  }

  /** Resolves when all that was added is on the disk, or given up. */
  async done(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    // What is published within the same moment is brought to the disk at once.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const [first, ...others] = this.#waiting.splice(0)
      // A layer that stays without its mark is unpacked again after the next start of the machine: no reason to fail.
      await this.#mark(first!, others).catch(() => undefined)
    }
    this.#running = undefined
  }

  // They are on one file system, so syncing it for one of them is enough.
  async #mark(first: string, others: readonly string[]): Promise<void> {
    const { session } = this.#context
    const marks = [first, ...others].map((directory) => join(directory, WAITING))
    for (const mark of marks) writeFileSync(mark, '', { mode: 0o600 })
    try {
      await renameByKeeper(session, marks[0]!, join(first, SYNCED), { sync: true })
      for (const directory of others) renameSync(join(directory, WAITING), join(directory, SYNCED))
    } finally {
      for (const mark of marks) rmSync(mark, { force: true })
    }
  }
}
