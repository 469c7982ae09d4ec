import type { Container } from '../../../src/containers/container.ts'
import type { KeepOnFailure } from '../../../src/fixtures/keep-on-failure.ts'

/** The containers that stay when their scope ends, because a test that used them failed. */
export class KeptContainers {
  /** What the plugin's options say, for starts that fail. */
  readonly option: KeepOnFailure
  readonly #wanted = new WeakSet<object>()

  constructor(option: KeepOnFailure) {
    this.option = option
  }

  /** Whether it stays, or will. */
  has(container: Container): boolean {
    return this.#wanted.has(container)
  }

  /**
   * From now on it is to stay: later tests may still use it, so nothing is done before its scope ends.
   *
   * @returns a sentence with the commands to look at it; undefined where nothing is kept
   */
  async want(container: Container): Promise<string | undefined> {
    const { describeKept, keepTime } = await import('../../../src/fixtures/keep-on-failure.ts')
    const time = keepTime(this.option)
    if (time === undefined) return undefined
    this.#wanted.add(container)
    return describeKept(container, time)
  }

  /**
   * To be called when a scope ends, before what it has opened is disposed. Never rejects.
   *
   * @param hasFailed the test is known to fail, and was asked nothing yet: it timed out
   */
  async keep(opened: AsyncDisposable, hasFailed: boolean): Promise<void> {
    if (this.option === false || !(hasFailed || this.#wanted.has(opened))) return
    if (!('outlive' in opened)) return
    // Said at once: evidence may be gathered while this goes on.
    this.#wanted.add(opened)
    const { keepContainer, keepTime } = await import('../../../src/fixtures/keep-on-failure.ts')
    const time = keepTime(this.option)
    if (time === undefined) return
    // One that was removed before cannot stay.
    await keepContainer(opened as Container, time).catch(() => undefined)
  }
}
