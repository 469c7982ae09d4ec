import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Session, withContainer, type Container } from '../../../src/index.ts'
import { connectKeeper } from '../../../src/rootless/connect-keeper.ts'
import { encodeSpawn, type SpawnRequest } from '../../../src/rootless/client/spawn-request.ts'
import { FieldWriter } from '../../../src/rootless/protocol/fields.ts'
import {
  clientFrames,
  encodeFrame,
  encodeHeader,
  FRAME_MAX,
  frameFields,
  keeperFrames,
} from '../../../src/rootless/protocol/frames.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { answersTo, frameOf, randomNumbers, sendAndLeave } from './hostile-client.ts'

// What a client sends that has lost its mind, over a real connection. Another client's container must not notice.

const left = watchLeftovers()
const root = tinyRoot()
let session: Session
let bystander: Container

beforeAll(async () => {
  session = await Session.start()
  bystander = await withContainer({ session, image: { rootfs: root.path }, command: ['sleep', '1000'] })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  root[Symbol.dispose]()
  await left.assertNone()
})

const CLONE_NEWNS = 0x20000
const CLONE_NEWUTS = 0x4000000
const CLONE_NEWPID = 0x20000000
const HUGE = [0n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]

/** A plan with every kind of field, in namespaces of its own, which ends in a program that ends. */
function harmlessPlan(): Plan {
  const plan = new Plan()
  const slot = plan.slot()
  plan.newMount(slot, 'tmpfs', ['size=64k', 'mode=755'], 0)
  plan.openTree(plan.slot(), '/usr', 3)
  plan.enterRoot(slot)
  plan.mkdir('/a/b', 0o755, 0, 0)
  plan.writeFile('/a/b/c', 0o644, 0, 0, 'content')
  plan.hostname('harmless')
  plan.exec(['/true'], ['A=b'], 0)
  return plan
}

function spawnBody(request: Partial<SpawnRequest> = {}): Buffer {
  const namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID
  return encodeSpawn({ kind: 'container', namespaces, plan: harmlessPlan(), ...request })
    .finish()
    .subarray(12)
}

async function expectBystanderUnharmed(): Promise<void> {
  expect((await bystander.exec(['echo', 'well'])).stdout).toBe('well\n')
  expect((await session.client.list()).map(({ id }) => id)).toEqual([bystander.id])
}

/** Every answer is an error, or there is none because the connection was cut. */
async function expectRefused(bytes: Uint8Array): Promise<void> {
  for (const { type } of (await answersTo(session.directory, bytes)) ?? []) expect(type).toBe(keeperFrames.error)
}

test('a plan cut short at every byte is refused', async () => {
  const plan = harmlessPlan().encode()
  const body = spawnBody()
  const before = body.subarray(0, body.length - plan.length - 4)
  for (let size = 0; size < plan.length; size++) {
    const cut = new FieldWriter().b(plan.subarray(0, size)).finish()
    const answers = await answersTo(session.directory, frameOf(clientFrames.spawn, Buffer.concat([before, cut])))
    expect(
      answers?.map(({ type }) => type),
      `${size} bytes`,
    ).toEqual([keeperFrames.error])
  }
  await expectBystanderUnharmed()
})

test('a request cut short at every byte is refused, or cut off when its client hangs up', async () => {
  const body = spawnBody()
  for (let size = 0; size < body.length; size++)
    await expectRefused(frameOf(clientFrames.spawn, body.subarray(0, size)))
  const frame = frameOf(clientFrames.spawn, body)
  for (let size = 0; size < frame.length; size++) await sendAndLeave(session.directory, frame.subarray(0, size))
  await expectBystanderUnharmed()
})

test('frames that are oversized, of unknown type, or never come to their end harm nobody', async () => {
  const oversized = Buffer.alloc(12)
  oversized.writeUInt32LE(FRAME_MAX + 1)
  oversized.writeUInt16LE(clientFrames.spawn, 4)
  expect(await answersTo(session.directory, oversized)).toBeUndefined()
  for (const type of [0, 15, 22, 99, 100, 255, 65535]) {
    expect(await answersTo(session.directory, frameOf(type, Buffer.alloc(8))), `type ${type}`).toBeUndefined()
  }
  const unfinished = await Promise.all(Array.from({ length: 20 }, () => connectKeeper(session.directory)))
  for (const socket of unfinished) socket.write(encodeHeader(clientFrames.spawn, 1, FRAME_MAX))
  await expectBystanderUnharmed()
  for (const socket of unfinished) socket.destroy()
  await expectRefused(frameOf(clientFrames.spawn, Buffer.alloc(FRAME_MAX)))
  await expectBystanderUnharmed()
})

test('huge numbers in every field are refused or mean nothing', async () => {
  const counts = {
    signal: 2,
    resize: 3,
    logs: 3,
    endLogs: 1,
    pause: 1,
    resume: 1,
    remove: 1,
    readNet: 2,
    linger: 1,
    keep: 1,
    adopt: 2,
  }
  for (const [name, count] of Object.entries(counts)) {
    for (const number of HUGE) {
      const fields = frameFields()
      for (let index = 0; index < count; index++) fields.u(number)
      await answersTo(session.directory, encodeFrame(clientFrames[name as keyof typeof counts], 7, fields))
    }
  }
  for (const stream of [0n, 1n, 2n, 3n, ...HUGE]) {
    for (const id of [1, 2, 3, 0xffff_ffff]) {
      const credit = frameFields()
        .u(stream)
        .u(2n ** 64n - 1n)
      const twice = encodeFrame(clientFrames.credit, id, credit)
      expect(await answersTo(session.directory, Buffer.concat([twice, twice]))).toEqual([])
    }
  }
  await expectBystanderUnharmed()
})

test('only namespaces can be asked of clone', async () => {
  // CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_VFORK, CLONE_PARENT, CLONE_THREAD, and all at once.
  for (const flag of [0x100, 0x200, 0x400, 0x800, 0x4000, 0x8000, 0x10000, 0x10f00]) {
    const body = spawnBody({ namespaces: (CLONE_NEWNS | CLONE_NEWPID | flag) >>> 0 })
    const answers = await answersTo(session.directory, frameOf(clientFrames.spawn, body))
    expect(answers?.map(({ type }) => type)).toEqual([keeperFrames.error])
  }
  await expectBystanderUnharmed()
})

test('a pool whose plan is refused leaves the one before', async () => {
  const plans = [Buffer.alloc(0), Buffer.from([1, 0, 0, 0]), new Plan().hostExec(['/bin/true'], []).encode()]
  for (const plan of plans) {
    const fields = frameFields()
      .u(2n ** 64n - 1n)
      .b(plan)
    await expectRefused(encodeFrame(clientFrames.pool, 7, fields))
  }
  const options = { session, image: { rootfs: root.path }, command: ['true'] }
  const runs = Array.from({ length: 10 }, () => withContainer(options, (container) => container.wait()))
  for (const exit of await Promise.all(runs)) expect(exit.exitCode).toBe(0)
})

test('random bytes and plans with random mistakes harm nobody', async () => {
  const random = randomNumbers(20240607)
  const types = Object.values(clientFrames).filter((type) => type !== clientFrames.shutdown)
  for (let round = 0; round < 300; round++) {
    const body = Buffer.from(Array.from({ length: random(200) }, () => random(256)))
    await answersTo(session.directory, frameOf(types[random(types.length)] as number, body))
    const plan = spawnBody()
    const start = plan.length - harmlessPlan().encode().length
    for (let mistakes = 1 + random(3); mistakes > 0; mistakes--) plan[start + random(plan.length - start)] = random(256)
    await answersTo(session.directory, frameOf(clientFrames.spawn, plan))
  }
  await expect.poll(() => session.client.list(), { timeout: 2000 }).toHaveLength(1)
  await expectBystanderUnharmed()
})

test('a client that asks and never reads does not fill the memory, or delay others', async () => {
  const deaf = await connectKeeper(session.directory)
  deaf.pause()
  deaf.on('error', () => undefined)
  const before = residentBytes(session.keeperPid)
  const request = encodeFrame(clientFrames.list, 1, frameFields())
  for (let round = 0; round < 200; round++) deaf.write(Buffer.concat(Array.from({ length: 1000 }, () => request)))
  const began = performance.now()
  await expectBystanderUnharmed()
  expect(performance.now() - began).toBeLessThan(500)
  expect(residentBytes(session.keeperPid) - before).toBeLessThan(32 << 20)
  deaf.destroy()
  await expectBystanderUnharmed()
})

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
