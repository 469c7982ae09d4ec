import { withContainer } from 'airplant/vitest'
import { expect, test } from 'vitest'
import { ms, withTimedContainer } from './timed-container.ts'

test('A container for one command', async ({ annotate }) => {
  await withTimedContainer(annotate, 'uname', { command: ['uname', '-n'], hostname: 'uname' }, async (container) => {
    expect(await container.wait()).toEqual({ exitCode: 0, signal: null })
    const { stdout } = await container.logs()
    expect(stdout.trim()).toBe('uname')
    await annotate(`It ran "uname -n", which said "${stdout.trim()}", and ended with code 0.`)
  })
})

test('Twenty containers, one after another', async ({ annotate }) => {
  const times: number[] = []
  for (let count = 0; count < 20; count++) {
    const began = performance.now()
    await withContainer({ command: ['true'] }, (container) => container.wait())
    times.push(performance.now() - began)
  }
  const median = times.toSorted((a, b) => a - b)[10] ?? 0
  expect(times).toHaveLength(20)
  await annotate(
    `Each was made, ran "true", and was removed: ${ms(median)} in the middle, ${ms(Math.max(...times))} at most.`,
  )
})
