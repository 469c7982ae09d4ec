import { availableParallelism } from 'node:os'
import { postgres } from '../src/fixtures/presets/postgres.ts'
import { pool, pullImage, Session, withContainer } from '../src/index.ts'
import { pause } from '../src/rootless/pause.ts'
import type { Section } from './samples.ts'
import { row } from './samples.ts'
import { withTemporaryStore } from './temporary-store.ts'
import type { Peer } from './testcontainers.ts'
import { CONCURRENT, IMAGE, peerNotes, peerRows, ROUNDS } from './testcontainers.ts'
import { measureTestcontainers } from './testcontainers-peers.ts'

const TESTS = 100
const PER_TEST = 'per test, from the whole time'

/** How soon a database is ready: made from nothing, from a warm layer, and from a pool; each to the first answer of a query. */
export async function measureDatabases(): Promise<Section[]> {
  const peers = await measureTestcontainers()
  return await withTemporaryStore(async () => {
    await using session = await Session.start()
    await pullImage(IMAGE, { session })
    const cold = { ...postgres({ image: IMAGE }), session }
    const warm = { ...cold, prepare: true } as const
    await withContainer(warm, () => undefined)
    return [await ready(cold, warm, peers), await manyTests(warm, peers), await concurrent(cold, warm, peers)]
  })
}

type Database = ReturnType<typeof postgres> & { readonly session: Session }

async function ready(cold: Database, warm: Database, peers: readonly Peer[]): Promise<Section> {
  const samples = { cold: [] as number[], warm: [] as number[], handOver: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    samples.cold.push(await timeOf(() => withContainer(cold)))
    for (let again = 0; again < 3; again++) samples.warm.push(await timeOf(() => withContainer(warm)))
  }
  await using databases = pool(warm, { size: 2 })
  for (let round = 0; round < 20; round++) {
    while (databases.ready < 2) await pause(20)
    samples.handOver.push(await timeOf(() => databases.take()))
  }
  return {
    title: `${IMAGE}: from the call until it takes connections`,
    rows: [
      row('cold: initdb', samples.cold),
      row('warm layer', samples.warm),
      row('hand-over by a pool of 2', samples.handOver),
      ...peerRows(peers, 'start', ({ start }) => start),
    ],
    relativeTo: 'cold: initdb',
    notes: ['targets: warm at most 300 ms, hand-over at most 5 ms', ...peerNotes(peers)],
  }
}

async function manyTests(warm: Database, peers: readonly Peer[]): Promise<Section> {
  const seed = await withContainer(warm)
  await using snapshot = await seed.snapshot()
  await using databases = pool(snapshot, { size: availableParallelism() })
  const [took, removed]: [number[], number[]] = [[], []]
  const began = performance.now()
  for (let test = 0; test < TESTS; test++) {
    const called = performance.now()
    const db = await databases.take()
    took.push(performance.now() - called)
    const done = performance.now()
    await db[Symbol.asyncDispose]()
    removed.push(performance.now() - done)
  }
  const whole = performance.now() - began
  await seed[Symbol.asyncDispose]()
  return {
    title: `${TESTS} tests that do nothing, each with a database server of its own from a snapshot, by a pool of ${availableParallelism()}`,
    rows: [
      row('waiting for it', took),
      row('removing it', removed),
      row(PER_TEST, [whole / TESTS]),
      ...peerRows(peers, 'start and stop', ({ start, stop }) => start.map((took, round) => took + (stop[round] ?? 0))),
    ],
    relativeTo: PER_TEST,
    notes: [
      `the whole took ${(whole / 1000).toFixed(1)} s: a pool gives no more than the processors boot`,
      `testcontainers has no snapshots: it starts each from nothing, and ${ROUNDS} were measured`,
    ],
  }
}

async function concurrent(cold: Database, warm: Database, peers: readonly Peer[]): Promise<Section> {
  const all = (options: Database): Promise<number[]> =>
    Promise.all(Array.from({ length: CONCURRENT }, () => timeOf(() => withContainer(options))))
  const own = [row('cold', await all(cold)), row('warm layer', await all(warm))]
  return {
    title: `${CONCURRENT} database servers that start at the same time on ${availableParallelism()} processors`,
    rows: [...own, ...peerRows(peers, 'start', ({ six }) => six)],
    relativeTo: 'warm layer',
  }
}

/** Milliseconds until it is there; it is removed afterwards. */
async function timeOf(open: () => Promise<AsyncDisposable>): Promise<number> {
  const began = performance.now()
  const opened = await open()
  const took = performance.now() - began
  await opened[Symbol.asyncDispose]()
  return took
}
