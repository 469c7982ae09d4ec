import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { HeldLock } from '../../../src/rootless/hold-lock.ts'
import { holdLock } from '../../../src/rootless/hold-lock.ts'
import { Session } from '../../../src/rootless/session.ts'
import { giveTo } from '../../support/give-to.ts'
import { errorOf } from '../../support/containers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { notBuilt } from '../bad-days/victim.ts'

const left = watchLeftovers()
const directory = mkdtempSync(join(tmpdir(), 'airplant-locks-'))
let one: Session
let other: Session
let path: string
let count = 0

beforeAll(async () => {
  one = await Session.start()
  other = await Session.start()
  giveTo(one, directory)
})
beforeEach(() => {
  path = join(directory, `lock-${count++}`)
})
afterAll(async () => {
  await one[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
  await left.assertNone()
})

async function held(lock: Promise<HeldLock | undefined>): Promise<HeldLock> {
  const answer = await lock
  if (!answer) throw new Error('Somebody else holds the lock')
  return answer
}

test('of two sessions one waits until the other lets go', async () => {
  const order: string[] = []
  const first = await held(holdLock(one, path))
  const second = held(holdLock(other, path)).then((lock) => {
    order.push('second')
    return lock
  })
  expect(await holdLock(other, path, { wait: false })).toBeUndefined()
  order.push('first lets go')
  await first[Symbol.asyncDispose]()
  await (await second)[Symbol.asyncDispose]()
  expect(order).toEqual(['first lets go', 'second'])
})

test('within one session it excludes as well', async () => {
  await using first = await held(holdLock(one, path))
  expect(first.path).toBe(path)
  expect(await holdLock(one, path, { wait: false })).toBeUndefined()
  expect(await holdLock(one, path, { wait: false, shared: true })).toBeUndefined()
})

test('several hold it shared, and who wants it alone waits for all of them', async () => {
  const shared = [
    await held(holdLock(one, path, { shared: true })),
    await held(holdLock(other, path, { shared: true, wait: false })),
  ]
  expect(await holdLock(one, path, { wait: false })).toBeUndefined()
  const alone = held(holdLock(one, path))
  await shared[0]?.[Symbol.asyncDispose]()
  expect(await holdLock(one, path, { wait: false })).toBeUndefined()
  await shared[1]?.[Symbol.asyncDispose]()
  await (await alone)[Symbol.asyncDispose]()
})

test('waiting is aborted, and leaves no claim behind', async () => {
  const first = await held(holdLock(one, path))
  const controller = new AbortController()
  const waiting = errorOf(holdLock(other, path, { signal: controller.signal }))
  expect(await holdLock(other, path, { wait: false })).toBeUndefined()
  controller.abort(new Error('enough'))
  expect(await waiting).toMatchObject({ code: 'ERR_ABORTED', cause: { message: 'enough' } })
  expect(await errorOf(holdLock(other, path, { signal: controller.signal }))).toMatchObject({ code: 'ERR_ABORTED' })
  await first[Symbol.asyncDispose]()
  await (await held(holdLock(one, path, { wait: false })))[Symbol.asyncDispose]()
})

test('a lock whose file was deleted while it was waited for is taken on the new file', async () => {
  const first = await held(holdLock(one, path))
  const waiting = held(holdLock(other, path))
  expect(await holdLock(other, path, { wait: false })).toBeUndefined()
  unlinkSync(path)
  await first[Symbol.asyncDispose]()
  await using second = await waiting
  expect(second.path).toBe(path)
  expect(await holdLock(one, path, { wait: false })).toBeUndefined()
})

test('the end of a session frees its locks', async () => {
  const short = await Session.start()
  await held(holdLock(short, path))
  const waiting = held(holdLock(one, path))
  await short[Symbol.asyncDispose]()
  await (await waiting)[Symbol.asyncDispose]()
})

test('a holder that is killed frees its lock, and a lock keeps no process alive', async ({ skip }) => {
  skip(notBuilt !== undefined, notBuilt)
  const built = new URL('../../../dist/src/rootless/', import.meta.url)
  const script = (last: string) => `
    import { holdLock } from ${JSON.stringify(new URL('hold-lock.js', built).href)}
    import { Session } from ${JSON.stringify(new URL('session.js', built).href)}
    const lock = await holdLock(await Session.start(), ${JSON.stringify(path)})
    console.log(lock.path)
    ${last}`
  const start = (last: string) =>
    spawn(process.execPath, ['--input-type=module', '-e', script(last)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const killed = start('setInterval(() => {}, 1000)')
  await once(killed.stdout, 'data')
  expect(await holdLock(one, path, { wait: false })).toBeUndefined()
  const waiting = held(holdLock(one, path))
  killed.kill('SIGKILL')
  await (await waiting)[Symbol.asyncDispose]()
  const ended = start('')
  expect(await once(ended, 'exit')).toEqual([0, null])
  await (await held(holdLock(one, path)))[Symbol.asyncDispose]()
})

test('what cannot be a lock is refused at once', async () => {
  mkdirSync(path)
  expect(await errorOf(holdLock(one, path))).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EISDIR', phase: 'store' })
  symlinkSync('/etc/passwd', `${path}-link`)
  expect(await errorOf(holdLock(one, `${path}-link`))).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'ELOOP' })
  expect(await errorOf(holdLock(one, '/no/such/lock'))).toMatchObject({ code: 'ERR_PATH_MISSING' })
  expect(await errorOf(holdLock(one, 'relative'))).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EINVAL' })
})
