import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, expect, test } from 'vitest'
import { defaultSession, disposeDefaultSession } from '../../src/rootless/default-session.ts'
import type { KeeperClient, KeeperProcess, SpawnRequest } from '../../src/rootless/keeper-client.ts'
import { Plan } from '../../src/rootless/protocol/plan.ts'
import { Session } from '../../src/rootless/session.ts'
import { StepError } from '../../src/rootless/step-error.ts'
import { watchLeftovers } from '../support/leftovers.ts'

const left = watchLeftovers()
const built = new URL('../../dist/src/rootless/', import.meta.url)
const sessions: Session[] = []

afterEach(async () => {
  for (const session of sessions.splice(0)) await session[Symbol.asyncDispose]()
})
afterAll(() => left.assertNone())

async function start(): Promise<Session> {
  const session = await Session.start()
  sessions.push(session)
  return session
}

function run(client: KeeperClient, argv: string[], request: Partial<SpawnRequest> = {}): Promise<KeeperProcess> {
  const plan = new Plan().hostExec(argv, ['PATH=/usr/bin:/bin'])
  return client.spawn({ kind: 'helper', attached: true, plan, ...request })
}

function shell(client: KeeperClient, script: string, request: Partial<SpawnRequest> = {}): Promise<KeeperProcess> {
  return run(client, ['/bin/sh', '-c', script], request)
}

test('a session starts a keeper in a private directory of the state directory', async () => {
  const session = await start()
  expect(session.stateDirectory).toBe(left.stateDirectory)
  expect(session.directory.startsWith(`${left.stateDirectory}/sessions/`)).toBe(true)
  expect(statSync(session.directory).mode & 0o777).toBe(0o700)
  expect(statSync(`${session.directory}/keeper.sock`).mode & 0o777).toBe(0o600)
  expect(() => process.kill(session.keeperPid, 0)).not.toThrow()
  expect(await session.client.list()).toEqual([])
})

test('a process gives its exit code or the signal that ended it', async () => {
  const { client } = await start()
  expect(await (await run(client, ['/bin/true'])).exited).toEqual({ exitCode: 0, signal: null })
  expect(await (await shell(client, 'exit 7')).exited).toEqual({ exitCode: 7, signal: null })
  expect(await (await shell(client, 'kill -TERM $$')).exited).toEqual({ exitCode: null, signal: 15 })
  const sleeper = await run(client, ['/bin/sleep', '60'])
  await sleeper.signal(2)
  expect(await sleeper.exited).toEqual({ exitCode: null, signal: 2 })
  await expect(sleeper.signal(2)).rejects.toMatchObject({ errnoName: 'ESRCH' })
})

test('stdout and stderr are collected apart and in the order in which they came', async () => {
  const { client } = await start()
  const script = 'echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three; exit 3'
  const result = await (await shell(client, script)).collect()
  expect(result).toMatchObject({ exitCode: 3, signal: null })
  expect(String(result.stdout)).toBe('one\nthree\n')
  expect(String(result.stderr)).toBe('two\n')
  expect(String(result.output)).toBe('one\ntwo\nthree\n')
})

test('stdin comes back through cat, as a whole and as a stream', async () => {
  const { client } = await start()
  const bytes = Buffer.alloc(3_000_000, 'binary \0 safe \xff\n', 'latin1')
  const result = await (await run(client, ['/bin/cat'], { stdin: true })).collect({ stdin: bytes })
  expect(result.stdout.equals(bytes)).toBe(true)

  const cat = await run(client, ['/bin/cat'], { stdin: true })
  cat.stdinStream().end('through streams')
  const chunks: Buffer[] = []
  for await (const chunk of cat.stdoutStream()) chunks.push(chunk as Buffer)
  expect(Buffer.concat(chunks).toString()).toBe('through streams')
  expect(await cat.exited).toEqual({ exitCode: 0, signal: null })
})

test('a program that does not read its input ends all the same', async () => {
  const { client } = await start()
  const result = await (await run(client, ['/bin/true'], { stdin: true })).collect({ stdin: Buffer.alloc(1_000_000) })
  expect(result.exitCode).toBe(0)
  const ended = await run(client, ['/bin/true'], { stdin: true })
  await ended.exited
  await expect(ended.writeStdin('late')).rejects.toMatchObject({ code: 'EPIPE' })
})

test('a failing step names itself, its error and its arguments', async () => {
  const { client } = await start()
  const plan = new Plan().hostMkdir('/proc/nothing', 0o700).hostExec(['/bin/true'], [])
  const error: unknown = await client.spawn({ kind: 'helper', plan }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(StepError)
  expect(error).toMatchObject({
    step: 0,
    what: 'hostMkdir',
    planStep: { name: 'hostMkdir', args: ['/proc/nothing', 448] },
  })
  await expect(run(client, ['/no/such/program'])).rejects.toMatchObject({ step: 0, errnoName: 'ENOENT' })
  expect(client.live.processes).toBe(0)
})

test('1 GB flows through a stream, and stops while nobody reads', async () => {
  const { client } = await start()
  const total = 1_000_000_000
  const source = await run(client, ['/usr/bin/head', '-c', String(total), '/dev/zero'])
  const stream = source.stdoutStream()
  await once(stream, 'readable')
  await delay(100)
  expect(stream.readableLength).toBeLessThan(1_000_000)
  const startedAt = performance.now()
  const quick = await (await run(client, ['/bin/true'])).collect()
  expect(quick.exitCode).toBe(0)
  expect(performance.now() - startedAt).toBeLessThan(500)
  let received = 0
  stream.on('data', (chunk: Buffer) => (received += chunk.length))
  await finished(stream)
  expect(received).toBe(total)
  expect(await source.exited).toEqual({ exitCode: 0, signal: null })
}, 60_000)

test('a stream that is destroyed lets the process end', async () => {
  const { client } = await start()
  const source = await run(client, ['/usr/bin/head', '-c', '5000000', '/dev/zero'])
  source.stdoutStream().destroy()
  expect(await source.exited).toEqual({ exitCode: 0, signal: null })
})

test('the log is kept within its bound, and can be followed and left', async () => {
  const { client } = await start()
  const script = 'echo first; echo error >&2; read line; echo "$line"; sleep 60'
  const talker = await shell(client, script, { attached: false, stdin: true, logLimit: 65536 })
  const log = talker.logs({ follow: true })
  const lines: string[] = []
  for await (const entry of log) {
    if (!('data' in entry)) continue
    lines.push(`${entry.stream}: ${String(entry.data).trim()}`)
    expect(Math.abs(Date.now() - entry.time)).toBeLessThan(10_000)
    if (lines.length === 2) await talker.writeStdin('third\n')
    if (lines.length === 3) break
  }
  expect(lines.sort()).toEqual(['stderr: error', 'stdout: first', 'stdout: third'])
  expect(client.live.subscriptions).toBe(0)
  const waiting = talker.logs({ follow: true })
  for (let count = 0; count < 3; count++) await waiting.next()
  const never = waiting.next()
  await waiting.return?.()
  expect(await never).toEqual({ done: true, value: undefined })
  await talker.remove()
  expect(await talker.exited).toEqual({ exitCode: null, signal: 9 })
})

test('clients do not disturb each other, and the end of one removes only what it started', async () => {
  const session = await start()
  const other = await Session.attach(session.directory)
  expect(other.work).toBe(session.work)
  const kept = await run(session.client, ['/bin/sleep', '60'])
  const lost = await run(other.client, ['/bin/sleep', '60'])
  const results = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const { client } = index % 2 ? session : other
      return String((await (await shell(client, `echo ${index}`)).collect()).stdout)
    }),
  )
  expect(results).toEqual(Array.from({ length: 40 }, (_, index) => `${index}\n`))
  await other[Symbol.asyncDispose]()
  await expect(lost.exited).rejects.toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect(session.closed).toBe(false)
  await kept.signal(9)
  expect(await kept.exited).toEqual({ exitCode: null, signal: 9 })
})

test('thousands of processes leave nothing behind in the client', async () => {
  const { client } = await start()
  for (let round = 0; round < 20; round++) {
    const all = await Promise.all(Array.from({ length: 50 }, () => run(client, ['/bin/true'])))
    await Promise.all(all.map((each) => each.collect()))
  }
  expect(client.live).toEqual({ processes: 0, subscriptions: 0 })
}, 60_000)

test('a killed keeper rejects all that waits with ERR_KEEPER_GONE', async () => {
  const session = await start()
  const sleeper = await run(session.client, ['/bin/sleep', '60'], { stdin: true, logLimit: 4096 })
  const stream = sleeper.stdoutStream()
  const streamError = once(stream, 'error')
  const log = sleeper.logs({ follow: true }).next()
  const waiting = [sleeper.exited, log, sleeper.writeStdin(Buffer.alloc(1_000_000))]
  const outcomes = Promise.allSettled(waiting)
  process.kill(session.keeperPid, 'SIGKILL')
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_KEEPER_GONE', phase: 'session' } })
  }
  expect(await streamError).toMatchObject([{ code: 'ERR_KEEPER_GONE' }])
  await expect(session.client.list()).rejects.toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect(session.closed).toBe(true)
  // What it left on disk is swept by the next one.
  await start()
  await expect.poll(() => existsSync(session.directory), { timeout: 5000 }).toBe(false)
})

test('disposing ends the keeper and its processes, also twice and at once', async () => {
  const session = await start()
  const sleeper = await run(session.client, ['/bin/sleep', '60'])
  await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()])
  await session[Symbol.asyncDispose]()
  expect(() => process.kill(session.keeperPid, 0)).toThrow('ESRCH')
  expect(() => statSync(session.directory)).toThrow('ENOENT')
  await expect(sleeper.exited).rejects.toMatchObject({ code: 'ERR_KEEPER_GONE' })
})

test('the default session is shared, and started again when its keeper has died', async () => {
  try {
    const [first, same] = await Promise.all([defaultSession(), defaultSession()])
    expect(same).toBe(first)
    process.kill(first.keeperPid, 'SIGKILL')
    await first.client.ended
    const second = await defaultSession()
    expect(second).not.toBe(first)
    expect((await (await run(second.client, ['/bin/true'])).collect()).exitCode).toBe(0)
    await expect.poll(() => existsSync(first.directory), { timeout: 5000 }).toBe(false)
  } finally {
    await disposeDefaultSession()
  }
})

test('a state directory of someone else, or open to others, is refused', async () => {
  const env = { ...process.env, AIRPLANT_STATE_DIR: 'relative' }
  await expect(Session.start({ env })).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION', phase: 'session' })
  await expect(Session.start({ env: { ...env, AIRPLANT_STATE_DIR: '/proc/1' } })).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
  })
})

test('a process with an open session ends on its own, and takes the keeper with it', async (context) => {
  // Plain Node 20 runs only what was built.
  context.skip(!existsSync(new URL('session.js', built)), 'dist is missing: npm run build')
  const script = `
    const { Session } = await import('${new URL('session.js', built).href}')
    const { Plan } = await import('${new URL('protocol/plan.js', built).href}')
    const session = await Session.start()
    const plan = new Plan().hostExec(['/bin/echo', 'hello'], [])
    const echo = await session.client.spawn({ kind: 'helper', attached: true, plan })
    process.stdout.write((await echo.collect()).stdout)
    await session.client.spawn({ kind: 'helper', plan: new Plan().hostExec(['/bin/sleep', '60'], []) })
    console.log(session.keeperPid)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 15_000,
  })
  const [greeting, pid] = stdout.split('\n')
  expect(greeting).toBe('hello')
  await expect.poll(() => isAlive(Number(pid)), { timeout: 2000 }).toBe(false)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
