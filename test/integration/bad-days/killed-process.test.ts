import { existsSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { Session } from '../../../src/index.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { COUNT, notBuilt, remainsOf, startVictim, type Victim } from './victim.ts'

const left = watchLeftovers()
const root = tinyRoot()
afterAll(async () => {
  root[Symbol.dispose]()
  await left.assertNone()
})

const SECOND = { timeout: 1000, interval: 20 }
const waiting = 'setInterval(() => {}, 1000)'
const signals = ['SIGKILL', 'SIGTERM', 'SIGINT'] as const

/** Everything but directories: those may need the next start. */
async function expectNothingLeft(victim: Victim): Promise<void> {
  await expect.poll(() => remainsOf(victim), SECOND).toEqual([])
}

async function expectSwept(victim: Victim): Promise<void> {
  await using _next = await Session.start()
  await expect.poll(() => existsSync(victim.directory), { timeout: 5000, interval: 20 }).toBe(false)
}

describe.skipIf(notBuilt)(`a Node process that holds ${COUNT} containers`, () => {
  test.each(signals)('takes all along when it gets %s', async (signal) => {
    using victim = await startVictim(root.path, waiting)
    expect(remainsOf(victim).length).toBeGreaterThan(COUNT)
    victim.process.kill(signal)
    await expectNothingLeft(victim)
    await expect.poll(() => existsSync(victim.directory), SECOND).toBe(false)
    expect(await victim.ended).toEqual({ code: null, signal })
  })

  test.each([
    ['throws an exception that nobody catches', 'setTimeout(() => { throw new Error("bad day") }, 1)', 1],
    ['leaves a rejection unhandled', 'setTimeout(() => void Promise.reject(new Error("bad day")), 1)', 1],
    ['calls process.exit', 'process.exit(3)', 3],
  ])('takes all along when it %s', async (_, ending, code) => {
    using victim = await startVictim(root.path, `await new Promise((resolve) => setTimeout(resolve, 300))\n${ending}`)
    expect(await victim.ended).toEqual({ code, signal: null })
    await expectNothingLeft(victim)
    await expect.poll(() => existsSync(victim.directory), SECOND).toBe(false)
  })

  test('takes all along when it is killed in a loop that never ends', async () => {
    using victim = await startVictim(root.path, 'setTimeout(() => { for (;;); }, 1)')
    victim.process.kill('SIGKILL')
    await expectNothingLeft(victim)
  })

  test.each(signals)('loses all when the keeper gets %s', async (signal) => {
    using victim = await startVictim(root.path, waiting)
    process.kill(victim.keeper, signal)
    await expectNothingLeft(victim)
    await expectSwept(victim)
    expect(victim.process.exitCode).toBeNull()
  })

  test.each(signals)('loses all when the stand-by process gets %s', async (signal) => {
    using victim = await startVictim(root.path, waiting)
    process.kill(victim.stand, signal)
    await expectNothingLeft(victim)
    await expectSwept(victim)
    expect(victim.process.exitCode).toBeNull()
  })
})
