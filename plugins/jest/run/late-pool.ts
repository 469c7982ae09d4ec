import type { Container } from '../../../src/containers/container.ts'
import type { Pool } from '../../../src/fixtures/pool/pool.ts'
import type { Scope } from '../../../src/fixtures/scope.ts'

/** A pool whose code is still being loaded: it is there at once, as that of `airplant` is. */
export class LatePool<Of extends Container> implements Pick<Pool<Of>, 'ready' | 'take'>, AsyncDisposable {
  readonly #making: Promise<Pool<Of>>
  readonly #currentScope: () => Scope
  #made: Pool<Of> | undefined

  /** @param currentScope what a container that is taken ends with */
  constructor(making: Promise<Pool<Of>>, currentScope: () => Scope) {
    this.#currentScope = currentScope
    this.#making = making.then((pool) => (this.#made = pool))
    // Whoever takes is told.
    this.#making.catch(() => undefined)
  }

  get ready(): number {
    return this.#made?.ready ?? 0
  }

  async take(options: { signal?: AbortSignal } = {}): Promise<Of> {
    const scope = this.#currentScope()
    return await scope.keep(this.#making.then((pool) => pool.take(options)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#making.catch(() => undefined))?.[Symbol.asyncDispose]()
  }
}
