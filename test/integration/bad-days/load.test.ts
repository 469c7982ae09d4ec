import { readdirSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { Session, withContainer, type Container, type FixtureOptions } from '../../../src/index.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { keeperStatus } from './keeper-status.ts'

const left = watchLeftovers()
const root = tinyRoot()
afterAll(async () => {
  root[Symbol.dispose]()
  await left.assertNone()
})
const image = { rootfs: root.path }
const MIB = 1 << 20

/** Nothing but the makers of namespaces and the like is below the keeper, and no directory of a container is left. */
async function expectIdle(session: Session, children: number): Promise<void> {
  expect(await session.client.list()).toEqual([])
  expect(session.client.live).toEqual({ processes: 0, subscriptions: 0 })
  await expect.poll(() => keeperStatus(session.keeperPid).zombies, { timeout: 1000 }).toBe(0)
  expect(readdirSync(`${session.directory}/containers`)).toEqual([])
  await expect.poll(() => readdirSync(`${session.directory}/trash`), { timeout: 30_000 }).toEqual([])
  await expect.poll(() => keeperStatus(session.keeperPid).children, { timeout: 5000 }).toBeLessThanOrEqual(children)
}

test(
  '50 containers at once and 500 one after another leave nothing in the keeper, and nothing here',
  { timeout: 120_000 },
  async () => {
    await using session = await Session.start()
    await withContainer({ session, image, command: ['true'] }, (container) => container.wait())
    const { children } = keeperStatus(session.keeperPid)

    const wide = async (): Promise<void> => {
      const options = { session, image, command: ['sleep', '1000'], ports: [80], stdin: true }
      const alive = await Promise.all(Array.from({ length: 50 }, () => withContainer(options)))
      await Promise.all(alive.map((container) => container.exec(['true'])))
      expect(keeperStatus(session.keeperPid).zombies).toBe(0)
      await Promise.all(alive.map((container) => container[Symbol.asyncDispose]()))
    }
    await wide()
    const before = keeperStatus(session.keeperPid)
    for (let index = 0; index < 500; index++) {
      const options = { session, image, command: ['echo', `${index}`], attach: index % 2 === 0, tty: index % 5 === 0 }
      await withContainer({ ...options, ...(index % 10 === 0 ? { ports: [80] } : {}) }, async (container) => {
        if (index % 3 === 0)
          for await (const entry of container.logs({ follow: true })) expect(entry).toHaveProperty('data')
        if (index % 2 === 0) container.stdout.resume()
        expect(await container.wait()).toEqual({ exitCode: 0, signal: null })
      })
    }
    await wide()
    await expectIdle(session, children)
    const after = keeperStatus(session.keeperPid)
    expect(after.descriptors).toBe(before.descriptors)
    expect(after.resident - before.resident).toBeLessThan(4 * MIB)
  },
)

test('containers that fail to start leave nothing either', { timeout: 60_000 }, async () => {
  await using session = await Session.start()
  await withContainer({ session, image, command: ['true'] }, (container) => container.wait())
  const failing: FixtureOptions[] = [
    { command: ['no-such-program'] },
    { command: ['no-such-program'], tty: true },
    { command: ['no-such-program'], ports: [80], storage: 'fuse-overlayfs' },
    { command: ['true'], user: 'nobody-knows' },
    { command: ['true'], ports: [{ container: 80, address: '203.0.113.1' }], storage: 'fuse-overlayfs' },
  ]
  const round = (): Promise<unknown> =>
    Promise.all(
      failing.map((options) => expect(withContainer({ session, image, ...options })).rejects.toHaveProperty('code')),
    )
  await round()
  const before = keeperStatus(session.keeperPid)
  for (let index = 0; index < 30; index++) await round()
  await expectIdle(session, before.children)
  const after = keeperStatus(session.keeperPid)
  expect(after.descriptors).toBe(before.descriptors)
  expect(after.resident - before.resident).toBeLessThan(4 * MIB)
})

test('logs take what they are allowed to, however much is written', { timeout: 60_000 }, async () => {
  await using session = await Session.start()
  const idle = keeperStatus(session.keeperPid).resident
  const command = ['sh', '-c', 'dd if=/dev/zero bs=64k count=256 2>/dev/null; exec sleep 1000']
  const containers = await Promise.all(
    Array.from({ length: 20 }, () => withContainer({ session, image, command, logLimit: MIB })),
  )
  await Promise.all(containers.map(written))
  expect(keeperStatus(session.keeperPid).resident - idle).toBeLessThan(20 * MIB + 8 * MIB)
  await Promise.all(containers.map((container) => container[Symbol.asyncDispose]()))
  expect(keeperStatus(session.keeperPid).resident - idle).toBeLessThan(8 * MIB)
})

/** Resolves when the 16 MiB were written, and most of them dropped. */
async function written(container: Container): Promise<void> {
  let bytes = 0
  for await (const entry of container.logs({ follow: true })) {
    bytes += 'data' in entry ? entry.data.length : entry.dropped
    if (bytes >= 16 * MIB) break
  }
}
