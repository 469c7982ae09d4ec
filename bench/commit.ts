import { Session, withContainer } from '../src/index.ts'
import type { Row, Section } from './samples.ts'
import { row } from './samples.ts'
import { withTemporaryStore } from './temporary-store.ts'

const ROUNDS = 14
const MEGABYTES = [1, 64, 512]

/** What a stopped container costs that becomes an image, by how much it wrote. */
export async function measureCommit(): Promise<Section> {
  return await withTemporaryStore(async () => {
    await using session = await Session.start()
    const rows: Row[] = []
    for (const size of MEGABYTES) {
      const [snapshots, commits]: [number[], number[]] = [[], []]
      for (let round = 0; round < ROUNDS; round++) {
        await using container = await withContainer({
          ...{ session, image: 'debian', stopTimeout: 0 },
          command: ['dd', 'if=/dev/zero', 'of=/data', 'bs=1M', `count=${size}`],
        })
        await container.wait()
        const began = performance.now()
        if (round % 2 === 0) await container.snapshot()
        else await container.commit({ reference: `seed:${size}` })
        ;(round % 2 === 0 ? snapshots : commits).push(performance.now() - began)
      }
      rows.push(row(`snapshot, ${size} MiB written`, snapshots), row(`commit, ${size} MiB written`, commits))
    }
    return {
      title: 'A stopped container becomes an image',
      rows,
      notes: ['target: the time does not grow with the data'],
    }
  })
}
