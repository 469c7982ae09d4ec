import { AirplantError, isAirplantError } from '../../src/errors.ts'
import type { FixtureOptions } from '../../src/fixtures/fixture-options.ts'
import type { Fixture } from '../../src/fixtures/fixture.ts'
import { withContainer } from '../../src/fixtures/with-container.ts'
import { workerFile } from './run/worker-run.ts'

/** A test or a file: what is opened in it is removed when it ends, also what is still starting then. */
export class Scope {
  readonly #what: string
  readonly #closing = new AbortController()
  readonly #opened: Promise<AsyncDisposable>[] = []
  readonly #ready: AsyncDisposable[] = []
  #closed: Promise<void> | undefined
  #hasTimedOut = false

  /**
   * @param what `'test'` or `'file'`, for messages
   * @param signal closes it at once: vitest aborts it when a test or its hook timed out, or the run is cancelled
   */
  constructor(what: string, signal?: AbortSignal) {
    this.#what = what
    const closeNow = (): void => {
      this.#hasTimedOut = signal?.reason instanceof Error && / timed out in /.test(signal.reason.message)
      void this.close().catch(() => undefined)
    }
    if (signal?.aborted) closeNow()
    signal?.addEventListener('abort', closeNow, { once: true })
  }

  /** Starts a container; fails when the scope ends before it is ready. */
  async open(options: FixtureOptions): Promise<Fixture> {
    const { signal: own } = options
    const { signal: closing } = this.#closing
    const keepOnFailure = options.keepOnFailure ?? workerFile()?.containers.kept.option ?? false
    const signal = own ? AbortSignal.any([own, closing]) : closing
    const starting = withContainer({ ...options, keepOnFailure, signal })
    this.#opened.push(starting)
    try {
      const fixture = await starting
      this.#ready.push(fixture)
      return fixture
    } catch (error) {
      if (!closing.aborted || own?.aborted || !isAirplantError(error) || error.code !== 'ERR_ABORTED') throw error
      throw this.#endedFirst(error)
    }
  }

  /** Removes what is being made when the scope ends; at once when it has ended by then. */
  async keep<T extends AsyncDisposable>(making: Promise<T>): Promise<T> {
    this.#opened.push(making)
    const made = await making
    this.#ready.push(made)
    if (this.#closing.signal.aborted) await made[Symbol.asyncDispose]()
    return made
  }

  /** A scope within this one, which may be closed before it. */
  inner(): Scope {
    const scope = new Scope(this.#what, this.#closing.signal)
    this.#opened.push(Promise.resolve({ [Symbol.asyncDispose]: () => scope.close() }))
    return scope
  }

  /** Removes all that was opened; resolves when nothing is left. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const kept = workerFile()?.containers.kept
    // Before the signal removes them.
    if (kept?.option) await Promise.all(this.#ready.map((each) => kept.keep(each, this.#hasTimedOut)))
    this.#closing.abort()
    const started = await Promise.allSettled(this.#opened)
    const removed = started.map((each) =>
      each.status === 'fulfilled' ? each.value[Symbol.asyncDispose]() : Promise.resolve(),
    )
    await Promise.all(removed)
  }

  #endedFirst(cause: AirplantError): AirplantError {
    return new AirplantError({
      code: 'ERR_ABORTED',
      phase: cause.phase,
      message: `Cannot start the container: the ${this.#what} ended first`,
      hint: 'Await withContainer(), give the test or hook more time, or open the container in beforeAll',
      image: cause.image,
      container: cause.container,
      elapsed: cause.elapsed,
      cause,
    })
  }
}
