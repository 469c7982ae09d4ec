// `node bench/testcontainers.mjs IMAGE ROUNDS TOGETHER [log]`: what testcontainers needs for PostgreSQL with the engine of
// DOCKER_HOST, as JSON `{ start, stop, six }` in ms: each start until it is ready and each stop, and starts at the same time.
// Node 22.22 or newer has to run it; AIRPLANT_BENCH_TESTCONTAINERS is the directory of scripts/setup/testcontainers.mjs.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [image, rounds, together, wait] = process.argv.slice(2)
const require = createRequire(join(process.env.AIRPLANT_BENCH_TESTCONTAINERS, 'package.json'))
const { PostgreSqlContainer } = require('@testcontainers/postgresql')
const { Wait } = require('testcontainers')

const result = { start: [], stop: [], six: [] }
// The first one connects to the engine and warms the caches, and is not counted.
await (await describe().start()).stop()
for (let round = 0; round < Number(rounds); round++) {
  const { database, took } = await timedStart()
  result.start.push(took)
  const began = performance.now()
  await database.stop()
  result.stop.push(performance.now() - began)
}
const started = await Promise.all(Array.from({ length: Number(together) }, timedStart))
result.six.push(...started.map(({ took }) => took))
await Promise.all(started.map(({ database }) => database.stop()))
process.stdout.write(`${JSON.stringify(result)}\n`)

async function timedStart() {
  const began = performance.now()
  const database = await describe().start()
  return { database, took: performance.now() - began }
}

/** Podman runs health checks by systemd's timers: without systemd none ever comes, so there the log tells. */
function describe() {
  const database = new PostgreSqlContainer(image)
  if (wait !== 'log') return database
  const isReady = Wait.forLogMessage(/database system is ready to accept connections/, 2)
  return database.withWaitStrategy(Wait.forAll([isReady, Wait.forListeningPorts()]))
}
