import { existsSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { Session, withContainer, type Container } from '../../../src/index.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { checkLeftovers, errorOf } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
const image = { rootfs: root.path }
const GONE = { code: 'ERR_KEEPER_GONE', phase: 'session' }

async function allOf(container: Container): Promise<string[]> {
  const parts: string[] = []
  for await (const entry of container.logs({ follow: true })) parts.push('data' in entry ? entry.data.toString() : '')
  return parts
}

test('everything that waits for a keeper rejects when it is killed, and the next container has a new one', async () => {
  const command = ['sh', '-c', 'echo hello; exec sleep 1000']
  const container = await withContainer({ image, command, ports: [80] })
  const session = await defaultSession()
  const stream = await container.execStream(['cat'])
  const unheard = await container.execStream(['cat'])
  unheard.stdin.write('nobody listens for errors of this one')
  const pending = [
    container.exec(['sleep', '1000']),
    container.exec(['cat'], { stdin: 'x'.repeat(1 << 20), tty: true }),
    container.wait(),
    container.exited,
    container.stop({ timeout: 60_000 }),
    allOf(container),
    stream.exited,
    withContainer({ image, command, wait: { port: 1 } }),
  ].map((promise) => errorOf(promise))
  // All of them are on their way when one more round trip is over.
  await container.exec(['true'])
  const killed = performance.now()
  process.kill(session.keeperPid, 'SIGKILL')
  for (const error of await Promise.all(pending)) expect(error).toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect(performance.now() - killed).toBeLessThan(1000)
  expect(session.closed).toBe(true)
  expect(session.client.live).toEqual({ processes: 0, subscriptions: 0 })

  expect(await errorOf(container.exec(['true']))).toMatchObject(GONE)
  expect(await errorOf(container.logs())).toMatchObject(GONE)
  expect(await errorOf(container.pause())).toMatchObject(GONE)
  await expect(container[Symbol.asyncDispose]()).resolves.toBeUndefined()

  await using next = await withContainer({ image, command })
  expect((await next.exec(['echo', 'again'])).stdout).toBe('again\n')
  expect((await defaultSession()).keeperPid).not.toBe(session.keeperPid)
  await expect.poll(() => existsSync(session.directory), { timeout: 5000 }).toBe(false)
})

test('calls that come at the moment of its death reject or are served by the next keeper', async () => {
  const first = await defaultSession()
  expect(first.closed).toBe(false)
  process.kill(first.keeperPid, 'SIGKILL')
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, () => withContainer({ image, command: ['true'] }, (container) => container.wait())),
  )
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ERR_KEEPER_GONE' })
    else expect(result.value).toEqual({ exitCode: 0, signal: null })
  }
  await withContainer({ image, command: ['true'] }, (container) => container.wait())
  await expect.poll(() => existsSync(first.directory), { timeout: 5000 }).toBe(false)
})

test('a session that was told to end rejects what it still had to do', async () => {
  const session = await Session.start()
  const container = await withContainer({ session, image, command: ['sleep', '1000'] })
  const pending = [container.wait(), container.exec(['sleep', '1000']), allOf(container)].map((each) => errorOf(each))
  await container.exec(['true'])
  await session[Symbol.asyncDispose]()
  for (const error of await Promise.all(pending)) expect(error).toMatchObject({ code: 'ERR_KEEPER_GONE' })
  expect(await errorOf(withContainer({ session, image, command: ['true'] }))).toMatchObject(GONE)
})
