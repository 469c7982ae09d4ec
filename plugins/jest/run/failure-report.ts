import { formatEvidence } from '../../../src/fixtures/run/format-evidence.ts'
import type { LogLines } from '../../../src/fixtures/run/run-protocol.ts'
import { addEvidence } from './add-evidence.ts'
import type { CircusHook, CircusTest } from './circus-event.ts'

/** Asks for what containers wrote since then. */
type Evidence = (test: CircusTest | undefined, since: number) => Promise<LogLines[]>

/** Adds to failures what containers wrote meanwhile. */
export class FailureReport {
  readonly #evidence: Evidence
  /** By the error that was made where the hook is: jest gives a hook's failure to each test below it. */
  readonly #ofHooks = new WeakMap<object, string>()
  /** Errors that several tests have in common are told once. */
  readonly #told = new WeakSet()

  constructor(evidence: Evidence) {
    this.#evidence = evidence
  }

  /** Keeps what there is to say of a beforeAll that failed until its tests are reported. */
  async ofHook(hook: CircusHook, since: number): Promise<void> {
    const text = formatEvidence(await this.#evidence(undefined, since))
    this.#ofHooks.set(hook.asyncError, text)
  }

  /** @param since when the test began, ms since 1970 @param kept sentences about what is left to be looked at */
  async ofTest(test: CircusTest, since = Date.now(), kept: readonly string[] = []): Promise<void> {
    const written = formatEvidence(await this.#evidence(test, since))
    const own = [written, ...kept].filter((text) => text !== '').join('\n')
    let isTold = false
    test.errors = test.errors.map((entry) => {
      const [error, place] = (Array.isArray(entry) ? entry : [entry]) as [unknown, unknown]
      const ofHook = isObject(place) ? this.#ofHooks.get(place) : undefined
      const text = ofHook ?? (isTold ? '' : own)
      isTold ||= ofHook === undefined
      if (text === '' || (isObject(error) && this.#told.has(error))) return entry
      if (isObject(error)) this.#told.add(error)
      return addEvidence(entry, text)
    })
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
