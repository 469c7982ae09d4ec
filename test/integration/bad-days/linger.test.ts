import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { Session, withContainer } from '../../../src/index.ts'
import { endLingering } from '../../../src/containers/reuse/end-lingering.ts'
import { createContainer } from '../../../src/containers/create-container.ts'
import type { ContainerOptions } from '../../../src/index.ts'
import type { Container } from '../../../src/index.ts'
import { clientFrames, frameFields } from '../../../src/rootless/protocol/frames.ts'
import { checkLeftovers } from '../../support/containers.ts'
import { processesOnHost } from '../../support/processes.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
const sleeping = { image: { rootfs: root.path }, command: ['sleep', '1000'] }
const LONG = 60_000

/** One that outlives the connection of the session that it is started over. */
async function lastingContainer(session: Session, options: Partial<ContainerOptions> = {}): Promise<Container> {
  const around = { session, env: process.env, cwd: process.cwd(), began: performance.now() }
  const container = await createContainer({ ...sleeping, ...options }, around)
  await container.outlive()
  return container
}

function isThere(pid: number): boolean {
  return processesOnHost().some((each) => each.pid === pid)
}

async function expectGone(directory: string, keeper: number): Promise<void> {
  await expect.poll(() => existsSync(directory) || isThere(keeper), { timeout: 2000, interval: 10 }).toBe(false)
}

test('a keeper that lingers lives on without a lease, with what outlives its connection and nothing else', async () => {
  const first = await Session.start()
  await withContainer({ ...sleeping, session: first })
  const lasting = await lastingContainer(first)
  expect(await first.client.linger(LONG)).toBe(false)
  await first[Symbol.asyncDispose]()
  const second = await Session.attach(first.directory, { lease: true })
  const ids = async (): Promise<string[]> => (await second.client.list()).map(({ id }) => id)
  await expect.poll(ids, { timeout: 1000, interval: 10 }).toEqual([lasting.id])
  // It took its lease while the time ran; one that comes now does not.
  expect(await second.client.linger(LONG)).toBe(true)
  const third = await Session.attach(first.directory, { lease: true })
  expect(await third.client.linger(LONG)).toBe(false)
  third.client.close()
  second.client.close()
  await endLingering(await Session.attach(first.directory, { lease: true }))
  await expectGone(first.directory, first.keeperPid)
})

test('a keeper whose time to linger has passed removes its directory; a lease in between stops the time', async () => {
  const first = await Session.start()
  const lasting = await lastingContainer(first)
  await first.client.linger(200)
  first.client.close()
  const second = await Session.attach(first.directory, { lease: true })
  await delay(300)
  expect(isThere(lasting.pid)).toBe(true)
  second.client.close()
  await expectGone(first.directory, first.keeperPid)
  expect(isThere(lasting.pid)).toBe(false)
})

test('a visitor without a lease neither stops the time nor begins it anew, and 0 ends at once what lingers', async () => {
  const first = await Session.start()
  await lastingContainer(first)
  await first.client.linger(LONG)
  first.client.close()
  const visitor = await Session.attach(first.directory)
  expect(await visitor.client.linger(LONG)).toBe(false)
  expect(await visitor.client.list()).toHaveLength(1)
  const gone = visitor.client.ended
  expect(await visitor.client.linger(0)).toBe(false)
  await gone
  await expectGone(first.directory, first.keeperPid)
})

test('a killed keeper takes along what was to outlive its connection', async () => {
  const session = await Session.start()
  const lasting = await lastingContainer(session, { storage: 'fuse-overlayfs', ports: [80] })
  await session.client.linger(LONG)
  session.client.close()
  process.kill(session.keeperPid, 'SIGKILL')
  await expect
    .poll(() => isThere(session.keeperPid) || isThere(lasting.pid), { timeout: 2000, interval: 10 })
    .toBe(false)
  // What is left of it on disk goes with the next session.
  await using next = await Session.start()
  await expect.poll(() => existsSync(session.directory), { timeout: 5000, interval: 20 }).toBe(false)
  expect(next.closed).toBe(false)
})

test('another client removes a container whose own is gone, with the helper of its storage', async () => {
  const owner = await Session.start()
  const lasting = await lastingContainer(owner, { storage: 'fuse-overlayfs' })
  const kept = await lastingContainer(owner, { storage: 'fuse-overlayfs' })
  await owner.client.linger(LONG)
  owner.client.close()
  const other = await Session.attach(owner.directory, { lease: true })
  const listed = await other.client.list()
  expect(listed.map(({ id }) => id).sort()).toEqual([lasting.id, kept.id].sort())
  const fuse = (): number =>
    processesOnHost().filter(({ command }) => command.includes(owner.directory) && command.includes('fuse-overlayfs'))
      .length
  expect(fuse()).toBe(2)
  for (const { handle } of listed) await other.client.request(clientFrames.remove, frameFields().u(handle))
  expect(await other.client.list()).toEqual([])
  await expect.poll(fuse, { timeout: 1000, interval: 10 }).toBe(0)
  // With its last container it has nothing to linger for.
  other.client.close()
  await expectGone(owner.directory, owner.keeperPid)
})
