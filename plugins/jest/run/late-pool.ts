import type { Container } from '../../../src/containers/container.ts'
import type { Pool } from '../../../src/fixtures/pool/pool.ts'

/** A pool whose code is still being loaded: it is there at once, as that of `airplant` is. */
export class LatePool<Of extends Container> implements Pick<Pool<Of>, 'ready' | 'take'>, AsyncDisposable {
  readonly #making: Promise<Pool<Of>>
  #made: Pool<Of> | undefined

  constructor(making: Promise<Pool<Of>>) {
    this.#making = making.then((pool) => (this.#made = pool))
    // Whoever takes is told.
    this.#making.catch(() => undefined)
  }

  get ready(): number {
    return this.#made?.ready ?? 0
  }

  async take(options: { signal?: AbortSignal } = {}): Promise<Of> {
    return await (await this.#making).take(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#making.catch(() => undefined))?.[Symbol.asyncDispose]()
  }
}
