import { Session } from '../src/index.ts'
import type { Section } from './samples.ts'
import { row } from './samples.ts'

/** A keeper from nothing to its first answer, and to its end. */
export async function measureKeeper(): Promise<Section> {
  const [ready, gone]: number[][] = [[], []]
  for (let index = -2; index < 20; index++) {
    const called = performance.now()
    const session = await Session.start()
    const started = performance.now()
    await session[Symbol.asyncDispose]()
    if (index < 0) continue
    ready?.push(started - called)
    gone?.push(performance.now() - started)
  }
  return {
    title: 'The keeper, once per process',
    rows: [row('call to ready', ready ?? []), row('told to end to gone', gone ?? [])],
    notes: ['target: ready within 20 ms'],
  }
}
