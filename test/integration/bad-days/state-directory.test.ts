import { execFile } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { Session, withContainer } from '../../../src/index.ts'
import { errorOf, isSingleId } from '../../support/containers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { notBuilt, packagePath } from './victim.ts'

const left = watchLeftovers()
const root = tinyRoot()
afterAll(async () => {
  root[Symbol.dispose]()
  await left.assertNone()
})
const image = { rootfs: root.path }

function inState(...names: string[]): NodeJS.ProcessEnv {
  return { ...process.env, AIRPLANT_STATE_DIR: join(left.stateDirectory, ...names) }
}

/** Starts a session and fills the upper directory of a container by a script. */
async function filledSession(script: string, user = '0'): Promise<Session> {
  const session = await Session.start()
  const command = ['sh', '-c', `${script}; echo done; exec sleep 1000`]
  const container = await withContainer({ session, image, command, user })
  for await (const entry of container.logs({ follow: true })) {
    if ('data' in entry && entry.data.includes('done')) break
  }
  return session
}

/** Kills the keepers of such sessions all at once, before one sweeps what another left. Gives the session directories. */
async function deadSessions(...filled: Promise<Session>[]): Promise<string[]> {
  const sessions = await Promise.all(filled)
  for (const { keeperPid } of sessions) process.kill(keeperPid, 'SIGKILL')
  await Promise.all(sessions.map(({ client }) => client.ended))
  for (const { directory } of sessions) expect(lstatSync(directory).isDirectory()).toBe(true)
  return sessions.map(({ directory }) => directory)
}

async function untilGone(directory: string): Promise<void> {
  await expect.poll(() => existsSync(directory), { timeout: 8000, interval: 20 }).toBe(false)
}

test('the next start sweeps what a dead session left: files of other users, closed directories, deep trees', async () => {
  const name = 'n'.repeat(200)
  const asOther = 'mkdir /tmp/mine && chmod 700 /tmp/mine && touch /tmp/mine/secret && mkdir -m 0 /tmp/mine/closed'
  const dead = await deadSessions(
    filledSession('mkdir /var/data/a && cd /var/data/a && touch b c && mkdir -m 0 d && chmod 0 /var/data/a'),
    filledSession(`cd /tmp; for i in $(seq 100); do mkdir ${name}; cd ${name} 2>/dev/null; touch file; done`),
    filledSession('cd /tmp; for i in $(seq 500); do mkdir $i; touch $i/a $i/b; done'),
    filledSession(asOther, isSingleId ? '0' : 'app'),
  )
  await using _next = await Session.start()
  for (const directory of dead) await untilGone(directory)
})

test('sessions that start at once in one state directory leave each other alone, and sweep the dead once', async () => {
  const dead = await deadSessions(filledSession('touch /tmp/a'), filledSession('touch /tmp/b'))
  const sessions = await Promise.all(Array.from({ length: 8 }, () => Session.start()))
  try {
    await Promise.all(dead.map(untilGone))
    // Each had its time for sweeping.
    await delay(500)
    for (const session of sessions) {
      expect(session.closed).toBe(false)
      await withContainer({ session, image, command: ['true'] }, (container) => container.wait())
    }
    expect(readdirSync(join(left.stateDirectory, 'sessions'))).toHaveLength(8)
  } finally {
    await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()))
  }
})

test('a sessions directory that others may enter is refused, and left as it is', async () => {
  const sessions = join(left.stateDirectory, 'open', 'sessions')
  mkdirSync(sessions, { recursive: true })
  for (const mode of [0o777, 0o750, 0o701]) {
    chmodSync(sessions, mode)
    const error = await errorOf(Session.start({ env: inState('open') }))
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', phase: 'session' })
    expect(error.message).toContain('chmod 700')
    expect(statSync(sessions).mode & 0o777).toBe(mode)
  }
})

test('a state directory of someone else is refused', async () => {
  const error = await errorOf(Session.start({ env: { ...process.env, AIRPLANT_STATE_DIR: '/proc' } }))
  expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', phase: 'session' })
  expect(error.hint).toContain('AIRPLANT_STATE_DIR')
})

test('a state directory may be deeper than the address of a socket', async () => {
  const names = Array.from({ length: 5 }, (_, index) => `${index}-${'deep'.repeat(20)}`)
  const session = await Session.start({ env: inState(...names) })
  try {
    expect(Buffer.byteLength(session.directory)).toBeGreaterThan(400)
    await using guest = await Session.attach(session.directory)
    const container = await withContainer({ session: guest, image, command: ['sleep', '1000'], ports: [80] })
    expect((await container.exec(['echo', 'deep'])).stdout).toBe('deep\n')
  } finally {
    await session[Symbol.asyncDispose]()
  }
})

describe.skipIf(notBuilt)('a file system of the state directory', () => {
  test.each([
    ['full', 'size=64k,nr_inodes=3', 'true', 'ERR_DISK_FULL', 'ENOSPC'],
    ['read-only', 'size=64k', 'mount -o remount,bind,ro "$STATE"', 'ERR_INVALID_OPTION', 'EROFS'],
  ])('that is %s is told with what to do', async (_, options, then, code, errno) => {
    const error = await startOn(options, then)
    expect(error).toMatchObject({ code, errno })
    expect(error.hint).toContain('AIRPLANT_STATE_DIR')
    expect(error.message).toContain('/sessions/')
  })
})

/** Tries to start a session whose state directory is a tmpfs of its own, mounted in a namespace where this account may. */
async function startOn(
  options: string,
  then: string,
): Promise<{ code: string; errno: string; hint: string; message: string }> {
  const state = join(left.stateDirectory, 'mounted')
  mkdirSync(state, { recursive: true })
  const module = JSON.stringify(packagePath('dist/src/index.js'))
  const code = `import(${module}).then(({ Session }) => Session.start()).then(() => process.exit(1), (error) =>
    console.log(JSON.stringify({ code: error.code, errno: error.errno, hint: error.hint, message: error.message })))`
  const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  const script = `mount -t tmpfs -o ${options} none "$STATE" && mkdir -m 700 "$STATE/sessions" && ${then} &&
    exec unshare -U --map-user=${user} --map-group=${group} ${process.execPath} -e "$CODE"`
  const env = { ...process.env, STATE: state, AIRPLANT_STATE_DIR: state, AIRPLANT_IDS: 'single', CODE: code }
  const { stdout } = await promisify(execFile)('unshare', ['-Urm', 'sh', '-c', script], { env })
  return JSON.parse(stdout) as { code: string; errno: string; hint: string; message: string }
}
