// `node scripts/setup/outside.mjs FILE ARGS`: Node runs FILE in a world of its own, where "outside" is only a test address.
// No root is needed. It stays the same account, without capabilities, and the account's subordinate IDs work in there.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { subordinateRanges } from './account.mjs'

const script = join(import.meta.dirname, 'outside.sh')

/** What runs in there knows by it where it is. The registry with the test images listens on a loopback that is not there. */
const env = { ...process.env, AIRPLANT_OUTSIDE: '1' }
for (const name of ['AIRPLANT_REGISTRY_MIRROR', 'AIRPLANT_TEST_REGISTRY']) delete env[name]

try {
  process.exitCode = await enter(process.argv.slice(2))
} catch (error) {
  console.error(`Cannot make the test world "outside": ${error.message}`)
  process.exitCode = 1
}

async function enter(args) {
  if (process.getuid() === 0) throw new Error('run it as an ordinary user; "npm test" does so for root')
  const ranges = subordinateRanges(process.getuid())
  if (!ranges.uids || !ranges.gids)
    throw new Error('this account has no subordinate IDs; "npm test" says how to get them')
  const directory = mkdtempSync(join(tmpdir(), 'airplant-outside-'))
  try {
    return await run(directory, ranges, args)
  } finally {
    rmdirSync(directory)
  }
}

/** In a process group of its own, so that each signal reaches it once; it ends with us, however that comes about. */
async function run(directory, { uids, gids }, args) {
  const ids = [process.getuid(), process.getgid()].map(String)
  const ranges = [uids, gids].map(({ start, count }) => `${start}:${count - 1}`)
  const inside = ['sh', script, directory, ...ids, ...ranges, process.execPath, ...args]
  const namespaces = ['--user', '--net', '--mount', '--keep-caps']
  const child = spawn('unshare', [...namespaces, ...inside], {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    detached: true,
  })
  const end = once(child, 'exit')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signalGroup(child, signal))
  const [isThere] = await Promise.race([once(child.stdio[3], 'data'), end.then(() => [])])
  if (isThere) mapIds(child, uids, gids)
  const [code, signal] = await end
  return code ?? 128 + constants.signals[signal]
}

/** The last subordinate ID is root in there: somebody has to be, for newuidmap to be set-uid root. The others stay what they are. */
function mapIds(child, uids, gids) {
  try {
    map('newuidmap', child.pid, process.getuid(), uids)
    map('newgidmap', child.pid, process.getgid(), gids)
    child.stdio[3].end('mapped\n')
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

function map(program, pid, own, { start, count }) {
  const rest = count - 1
  const extents = [
    [0, start + rest, 1],
    [own, own, 1],
    [start, start, rest],
  ]
  const { status, error } = spawnSync(program, [pid, ...extents.flat()].map(String), {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error(error?.message ?? `${program} failed; its own words are above`)
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has just ended.
  }
}
