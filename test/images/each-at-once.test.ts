import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eachAtOnce } from '../../src/images/each-at-once.ts'

test('results come in order, and never more run than allowed', async () => {
  let [running, most] = [0, 0]
  const results = await eachAtOnce([30, 1, 20, 1, 10], 2, async (ms, index) => {
    most = Math.max(most, ++running)
    await delay(ms)
    running--
    return `${index}: ${ms}`
  })
  expect(results).toEqual(['0: 30', '1: 1', '2: 20', '3: 1', '4: 10'])
  expect(most).toBe(2)
  expect(await eachAtOnce([], 3, async () => 1)).toEqual([])
})

test('the first failure ends the others, which are waited for, and nothing new begins', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const failing = eachAtOnce([0, 1, 2, 3], 3, async (item, _, signal) => {
    begun.push(item)
    if (item === 1) throw new Error('The first')
    await once(signal, 'abort')
    await delay(5)
    ended.push(item)
    throw new Error('A later one')
  })
  await expect(failing).rejects.toThrow('The first')
  expect(begun).toEqual([0, 1, 2])
  expect(ended).toEqual([0, 2])
})

test("the caller's signal reaches every task", async () => {
  const controller = new AbortController()
  const waiting = eachAtOnce(
    [0, 1],
    2,
    async (_, __, signal) => {
      await once(signal, 'abort')
      signal.throwIfAborted()
    },
    controller.signal,
  )
  controller.abort(new Error('Enough'))
  await expect(waiting).rejects.toThrow('Enough')
})
