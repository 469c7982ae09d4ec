// `npm run demo`: a small vitest suite, told in plain sentences. Needs Node and a C compiler, no root and no network.
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BaseSequencer, startVitest } from 'vitest/node'
import { Session } from '../dist/src/index.js'
import { PlainReporter } from './demo-reporter.mjs'

const demo = join(dirname(fileURLToPath(import.meta.url)), '..', 'examples', 'demo')

class ByName extends BaseSequencer {
  async sort(files) {
    return files.toSorted((one, other) => one.moduleId.localeCompare(other.moduleId))
  }
}

try {
  console.log('airplant: containers in a test suite, without root, a daemon, or a registry\n')
  const sessions = await introduce()
  const before = readdirSync(sessions)
  const passed = await runSuite()
  if (process.exitCode) explainFailure()
  else console.log(`\n${passed} tests passed. ${await describeRest(sessions, before)}`)
} catch (error) {
  console.error(`\n${error.message}`)
  if (error.hint) console.error(error.hint)
  explainFailure()
  process.exitCode = 1
}

/** Starts a keeper only to tell about it; gives the directory that keepers have theirs in. */
async function introduce() {
  const began = performance.now()
  const session = await Session.start()
  const time = performance.now() - began
  const { mapping } = session
  const { username, uid } = userInfo()
  console.log(
    `You are "${username}", user ${uid}. Containers are held by a small process, the keeper: ready in ${time.toFixed(0)} ms.`,
  )
  console.log(`${describeMapping(mapping, uid)}${mapping.warning ? `\n${mapping.warning}` : ''}`)
  await session[Symbol.asyncDispose]()
  return dirname(session.directory)
}

function describeMapping({ method, uids, rootUid }, uid) {
  const count = uids.reduce((sum, extent) => sum + extent.count, 0)
  const root = rootUid === uid ? 'you' : `user ${rootUid} of this machine, who owns nothing`
  if (method === 'single')
    return `Root in a container is ${root}; other users do not exist there (the single-ID mapping).`
  return `Root in a container is ${root}; ${count - 1} other users of containers are subordinate IDs.`
}

/** The configuration is here, and nothing is cached: the checkout may be someone else's, and read-only. */
async function runSuite() {
  const reporter = new PlainReporter()
  const options = {
    root: demo,
    config: false,
    watch: false,
    cache: false,
    include: ['**/*.test.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    reporters: [reporter],
    testTimeout: 30_000,
    // It is told at the beginning.
    execArgv: ['--disable-warning=AIRPLANT_ID_MAPPING'],
  }
  const vitest = await startVitest('test', [], options, { cacheDir: join(demo, 'never-written'), logLevel: 'error' })
  await vitest.close()
  return reporter.passed
}

/** A keeper ends with the process that it served, and takes its directory along. */
async function describeRest(sessions, before) {
  const left = () => readdirSync(sessions).filter((name) => !before.includes(name))
  for (let tries = 0; left().length > 0 && tries < 50; tries++) await setTimeout(20)
  if (left().length === 0) return 'Nothing is left: no keeper, and with it no process, no mount and no directory.'
  return `There are sessions in ${sessions}, of somebody else or left behind: ${left().join(', ')}`
}

/** Containers of real root belong to another user, who may be kept out of where Node and the checkout are. */
function explainFailure() {
  const closed = [process.execPath, demo].flatMap((path) => closedParent(realpathSync(path)) ?? [])
  if (process.getuid() !== 0 || closed.length === 0) return
  console.error(`\nRoot in a container is not root here, and cannot enter ${[...new Set(closed)].join(' or ')},`)
  console.error(
    `which holds ${process.execPath} or this checkout. Run the demo as an ordinary user, or from somewhere else.`,
  )
}

function closedParent(path) {
  const parent = dirname(path)
  if (parent === path) return undefined
  return closedParent(parent) ?? ((statSync(parent).mode & 0o001) === 0 ? parent : undefined)
}
