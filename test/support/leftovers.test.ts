import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkNothingLeft, snapshotOfHost, watchLeftovers, type HostSnapshot, type Leftovers } from './leftovers.ts'
import { processesOnHost, type ProcessOnHost } from './processes.ts'

let left: Leftovers
let before: HostSnapshot

beforeEach(() => {
  left = watchLeftovers()
  before = snapshotOfHost()
})
afterEach(() => left.assertNone())

/** What `checkNothingLeft` complains of, without its patience. */
async function complaint(): Promise<string> {
  return checkNothingLeft(before, 0).then(
    () => '',
    (error: unknown) => String(error),
  )
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Undefined when it ended instead. */
async function untilItSleeps(pid: number): Promise<ProcessOnHost | undefined> {
  for (;;) {
    const process = processesOnHost().find((each) => each.pid === pid)
    if (!process || process.command.startsWith('sleep')) return process
    await delay(5)
  }
}

test('nothing is left where nothing was done', async () => {
  expect(await complaint()).toBe('')
})

test('a process that names the state directory among its arguments is found, and what descends from it', async () => {
  const script = 'env -i sleep 61 & echo "$!"; wait'
  const child = spawn('sh', ['-c', script, `${left.stateDirectory}/sessions/x`], { env: { PATH: process.env['PATH'] } })
  const [grandchild] = (await once(child.stdout, 'data')) as [Buffer]
  const found = await complaint()
  process.kill(Number(grandchild), 'SIGKILL')
  await once(child, 'exit')
  expect(found).toContain(`process ${child.pid}: sh`)
  expect(found).toMatch(new RegExp(`process ${Number(grandchild)}: (env -i )?sleep 61`))
})

test('a process that only inherited the state directory is found', async () => {
  const child = spawn('sleep', ['62'])
  await once(child, 'spawn')
  const found = await complaint()
  await end(child)
  expect(found).toContain('sleep 62')
})

test('a process of another file is not ours', async () => {
  const child = spawn('sleep', ['63'], { env: { AIRPLANT_STATE_DIR: '/elsewhere' } })
  await once(child, 'spawn')
  const found = await complaint()
  await end(child)
  expect(found).toBe('')
})

test('a process in another user namespace that nobody owns any more is found', async ({ skip }) => {
  const script = 'env -i unshare --user sleep 64 >/dev/null & echo "$!"'
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [[output]] = (await Promise.all([once(child.stdout, 'data'), once(child, 'exit')])) as [[Buffer], unknown]
  const pid = Number(output)
  const orphan = await untilItSleeps(pid)
  if (!orphan) skip('No user namespace may be made here')
  const found = await complaint()
  process.kill(pid, 'SIGKILL')
  skip(orphan?.parent !== 1, 'Something adopts orphans before pid 1 does')
  expect(found).toContain(`process ${pid}: sleep 64`)
})

test('a listener on loopback is found, on each family', async () => {
  for (const address of ['127.0.0.1', '::1']) {
    const server = createServer().listen(0, address)
    await once(server, 'listening')
    const found = await complaint()
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    expect(found).toContain(`${address} port ${port}`)
  }
})

test('a session directory is found', async () => {
  const session = join(left.stateDirectory, 'sessions', 'abc')
  mkdirSync(session, { recursive: true })
  expect(await complaint()).toContain(`directory: ${session}`)
  rmSync(session, { recursive: true })
})

test('what goes away in time is no complaint', async () => {
  const child = spawn('sleep', ['0.2'])
  const exited = once(child, 'exit')
  await checkNothingLeft(before)
  expect(await exited).toEqual([0, null])
})
