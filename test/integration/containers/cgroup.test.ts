import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Session, withContainer } from '../../../src/index.ts'
import { delegatedCgroup } from '../../../src/rootless/cgroups.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
afterAll(() => left.assertNone())

const parent = delegatedCgroup()
const needsCgroup = 'no delegated cgroup v2 here; run by: systemd-run --user --scope -p Delegate=yes npm test'

function own(session: Session): string[] {
  const name = session.directory.slice(session.directory.lastIndexOf('/') + 1)
  return readdirSync(parent ?? '').filter((group) => group.startsWith(`airplant-${name}-`))
}

test('a container and its execs live in a control group of their own, which goes with it', async ({ skip }) => {
  if (parent === undefined) skip(needsCgroup)
  await using session = await Session.start()
  const container = await withContainer({ command: ['sleep', '60'], session })
  const [group = ''] = own(session)
  const members = (): string[] =>
    readFileSync(join(parent ?? '', group, 'cgroup.procs'), 'utf8')
      .trim()
      .split('\n')
  expect(members()).toEqual([`${container.pid}`])
  const running = await container.execStream(['sleep', '60'])
  expect(members()).toHaveLength(2)
  expect((await container.exec(['cat', '/proc/self/cgroup'])).stdout).toContain('0::/\n')
  await running[Symbol.asyncDispose]()
  await container[Symbol.asyncDispose]()
  expect(own(session)).toEqual([])
})

test('pause freezes the control group, exec is refused meanwhile, and resume thaws it', async ({ skip }) => {
  if (parent === undefined) skip(needsCgroup)
  await using session = await Session.start()
  await using container = await withContainer({ command: ['sleep', '60'], session })
  const [group = ''] = own(session)
  const frozen = (): boolean => readFileSync(join(parent ?? '', group, 'cgroup.events'), 'utf8').includes('frozen 1')
  await container.pause()
  expect(frozen()).toBe(true)
  await expect(container.exec(['true'])).rejects.toMatchObject({ code: 'ERR_NOT_RUNNING' })
  await container.resume()
  expect(frozen()).toBe(false)
  expect((await container.exec(['true'])).exitCode).toBe(0)
  await container.pause()
  expect(await container.stop()).toEqual({ exitCode: null, signal: 'SIGKILL' })
})

test('the groups that a killed keeper left are swept by the next start', async ({ skip }) => {
  if (parent === undefined) skip(needsCgroup)
  const session = await Session.start()
  await withContainer({ command: ['sleep', '60'], session })
  const [group = ''] = own(session)
  process.kill(session.keeperPid, 'SIGKILL')
  await session.client.ended
  await expect
    .poll(async () => {
      await using next = await Session.start()
      await withContainer({ command: ['true'], session: next }, (container) => container.wait())
      return existsSync(join(parent ?? '', group))
    })
    .toBe(false)
})
