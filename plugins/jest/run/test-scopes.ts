import { AsyncLocalStorage } from 'node:async_hooks'
import { Scope } from '../../../src/fixtures/scope.ts'
import type { CircusTest } from './circus-event.ts'

/** A test that runs, since when (ms since 1970), and what it opens. */
export interface RunningTest {
  readonly test: CircusTest
  readonly began: number
  readonly scope: Scope
}

/** Knows which test or hook runs, and so when what is opened now has to be removed. */
export class TestScopes {
  readonly file = new Scope('file')
  readonly #running = new Map<CircusTest, RunningTest>()
  readonly #concurrent = new AsyncLocalStorage<RunningTest>()
  #hook: Scope | undefined
  #hookBegan = 0

  /** Of the test that is running, or else of the file. */
  current(): Scope {
    return this.running()?.scope ?? this.#hook ?? this.file
  }

  /** The test that is running; undefined in hooks of files, and where several run and nobody knows which one it is. */
  running(): RunningTest | undefined {
    const [first, second] = this.#running.values()
    return this.#concurrent.getStore() ?? (second ? undefined : first)
  }

  /** @returns undefined when it does not run, or does not any more */
  get(test: CircusTest): RunningTest | undefined {
    return this.#running.get(test)
  }

  beginTest(test: CircusTest): void {
    const running = { test, began: Date.now(), scope: new Scope('test') }
    this.#running.set(test, running)
    if (test.concurrent && typeof test.fn === 'function') this.#follow(test, test.fn as () => unknown, running)
  }

  async endTest(test: CircusTest): Promise<void> {
    const running = this.#running.get(test)
    this.#running.delete(test)
    await running?.scope.close()
  }

  /** When the beforeAll that runs began, ms since 1970. */
  get hookBegan(): number {
    return this.#hookBegan
  }

  /** Before a beforeAll. */
  beginHook(): void {
    this.#hookBegan = Date.now()
    this.#hook = this.file.inner()
  }

  /** What it opened stays until the file's end, unless it timed out. */
  async endHook(hasTimedOut: boolean): Promise<void> {
    const scope = this.#hook
    this.#hook = undefined
    if (hasTimedOut) await scope?.close()
  }

  /** Tests that run at the same time are told from each other by where a call comes from. */
  #follow(test: CircusTest, fn: () => unknown, running: RunningTest): void {
    // Jest looks at what it is, and at the number of its parameters.
    if (fn.length > 0 || fn.constructor.name === 'GeneratorFunction') return
    test.fn = (): unknown => {
      test.fn = fn
      return this.#concurrent.run(running, fn)
    }
  }
}
