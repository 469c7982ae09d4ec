import { once } from 'node:events'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { noCli, startAirplant } from '../../support/cli.ts'
import { checkNothingLeft, snapshotOfHost, watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
const before = snapshotOfHost()
beforeEach(({ skip }) => skip(noCli !== undefined, noCli))
// Each within a second.
afterEach(() => checkNothingLeft(before, 1000))
afterAll(() => left.assertNone())

const node = (script: string, ...flags: string[]) => startAirplant(['run', ...flags, 'host', 'node', '-e', script])
const stubborn = `for (const s of ['SIGTERM','SIGINT','SIGHUP']) process.on(s, () => console.log('got ' + s)); setInterval(() => 0, 1e6); console.log('ready')`

// A program without any handler: shells and Node have some of their own.
const plain = (...flags: string[]) =>
  startAirplant(['run', '-h', 'ready', ...flags, 'host', 'tail', '-f', '/etc/hostname'])

test('a handler in the container sees the signals', async () => {
  const { child, ended, shows } = node(stubborn)
  await shows('ready')
  for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) {
    child.kill(signal)
    await shows(`got ${signal}`)
  }
  child.kill('SIGINT')
  expect((await ended).code).toBe(137)
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGUSR1', 138],
] as const)('%s ends a program without a handler, though it is pid 1', async (signal, code) => {
  const { child, ended, shows } = plain()
  await shows('ready')
  const began = performance.now()
  child.kill(signal)
  expect((await ended).code).toBe(code)
  expect(performance.now() - began).toBeLessThan(2000)
})

test('under an init they go to the program', async () => {
  const { child, ended, shows } = plain('--init')
  await shows('ready')
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
})

test('SIGTERM sends the stop signal, and kills after the stop timeout', async () => {
  const { child, ended, shows } = node(stubborn, '--stop-signal', 'HUP', '--stop-timeout', '1')
  await shows('ready')
  const began = performance.now()
  child.kill('SIGTERM')
  await shows('got SIGHUP')
  expect((await ended).code).toBe(137)
  expect(performance.now() - began).toBeGreaterThan(900)
})

test('a SIGINT while it starts leaves nothing', async () => {
  const { child } = startAirplant(['run', 'host', 'sleep', '60'])
  // Wherever in its start that hits.
  setTimeout(() => child.kill('SIGINT'), 110)
  await once(child, 'close')
})

test('SIGKILL of the command takes the container with it', async () => {
  const { child, ended, shows } = startAirplant(['run', 'host', 'sh', '-c', 'echo ready; sleep 60 & wait'])
  await shows('ready')
  child.kill('SIGKILL')
  await ended
})
