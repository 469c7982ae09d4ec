import type { Container, FixtureOptions } from 'airplant'
import { withContainer } from 'airplant/vitest'

/** Tells a sentence to whoever watches the demo: vitest's `annotate`. */
export type Tell = (sentence: string) => Promise<unknown>

/** `withContainer`, which also tells how long the container took to be ready, and to be gone. */
export async function withTimedContainer(
  tell: Tell,
  name: string,
  options: FixtureOptions,
  use: (container: Container) => Promise<void>,
): Promise<void> {
  const called = performance.now()
  const container = await withContainer(options)
  const ready = performance.now()
  try {
    await use(container)
  } finally {
    const done = performance.now()
    await container[Symbol.asyncDispose]()
    const gone = performance.now()
    const readyWord = options.wait ? 'it listened' : 'its program ran'
    await tell(
      `Time of "${name}": ${readyWord} after ${ms(ready - called)}, was used for ${ms(done - ready)}, and was gone ${ms(gone - done)} later.`,
    )
  }
}

export function ms(time: number): string {
  return `${time.toFixed(time < 10 ? 1 : 0)} ms`
}
