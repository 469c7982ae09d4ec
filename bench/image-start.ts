import { Session, withContainer } from '../src/index.ts'
import type { Image } from '../src/containers/options.ts'
import { ensureImage } from '../src/images/pull.ts'
import type { Section } from './samples.ts'
import { row } from './samples.ts'
import { withTemporaryStore } from './temporary-store.ts'

const ROUNDS = 150
const WARM_UP = 20

/** Containers of an image that is in the store, beside those of the host image; one of each in turn. */
export async function measureImageStart(): Promise<Section> {
  return await withTemporaryStore(async () => {
    await using session = await Session.start()
    await ensureImage('debian', { session, env: process.env })
    const kinds: readonly { name: string; image: Image; samples: number[] }[] = [
      { name: 'host image', image: 'host', samples: [] },
      { name: 'debian, by its reference', image: 'debian', samples: [] },
    ]
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      for (const { image, samples } of kinds) {
        const began = performance.now()
        const container = await withContainer({ session, image, command: ['/bin/true'] })
        await container.wait()
        await container[Symbol.asyncDispose]()
        if (round >= 0) samples.push(performance.now() - began)
      }
    }
    return {
      title: 'A container of a cached image: create, run /bin/true, remove',
      rows: kinds.map(({ name, samples }) => row(name, samples)),
      notes: ['target: within 1 ms of the host image'],
    }
  })
}
