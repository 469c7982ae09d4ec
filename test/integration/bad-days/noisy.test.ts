import { afterAll, expect, test } from 'vitest'
import { withContainer, type AirplantError, type Container } from '../../../src/index.ts'
import type { LogEntry } from '../../../src/rootless/keeper-client.ts'
import { checkLeftovers } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
afterAll(() => root[Symbol.dispose]())
const image = { rootfs: root.path }
const sleeping = { image, command: ['sleep', '1000'] }

/** Milliseconds of so many execs, one after another, in order of size. */
async function timesOfExec(container: Container, count: number): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const began = performance.now()
    expect((await container.exec(['true'])).exitCode).toBe(0)
    times.push(performance.now() - began)
  }
  return times.sort((one, other) => one - other)
}

function median(times: readonly number[]): number {
  return times[Math.floor(times.length / 2)] ?? NaN
}

test('a container that ignores SIGTERM is killed when its time is over', async () => {
  const command = ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1; done']
  for (const init of [false, true]) {
    await using container = await withContainer({ image, command, init })
    for await (const _ of container.logs({ follow: true })) break
    const began = performance.now()
    const exit = await container.stop({ timeout: 300 })
    expect(exit.signal ?? exit.exitCode).toBe('SIGKILL')
    expect(performance.now() - began).toBeGreaterThan(290)
    expect(performance.now() - began).toBeLessThan(1300)
  }
})

test(
  'a fork bomb under a process limit leaves other containers their time, and goes as a whole',
  { timeout: 60_000 },
  async () => {
    await using other = await withContainer(sleeping)
    const quiet = median(await timesOfExec(other, 20))
    const command = ['sh', '-c', 'bomb() { bomb & bomb & sleep 1; }; while :; do bomb; done']
    const bomb = await withContainer({ image, command, rlimits: { nproc: 64 } })
    const loud = median(await timesOfExec(other, 50))
    expect(loud).toBeLessThan(quiet * 20 + 50)
    const began = performance.now()
    await bomb[Symbol.asyncDispose]()
    expect(performance.now() - began).toBeLessThan(1000)
    expect((await other.exec(['ps'])).stdout).not.toContain('bomb')
  },
)

test.each([
  ['nobody reads', false],
  ['it is attached and nobody reads', true],
])('1 GB on stdout while %s delays no other container', { timeout: 60_000 }, async (_, attach) => {
  await using other = await withContainer(sleeping)
  const quiet = median(await timesOfExec(other, 50))
  const command = ['dd', 'if=/dev/zero', 'bs=1M', 'count=1024']
  await using writer = await withContainer({ image, command, attach })
  const loud = median(await timesOfExec(other, 100))
  // On two processors, one of which writes and one of which reads, another's turn comes a little later.
  expect(loud).toBeLessThan(quiet + 10)
  if (attach) expect(writer.exit).toBeUndefined()
  else expect(await writer.wait()).toEqual({ exitCode: 0, signal: null })
})

test(
  '1 GB that is followed by a slow reader delays no other container, and what was dropped is told',
  { timeout: 60_000 },
  async () => {
    await using other = await withContainer(sleeping)
    const quiet = median(await timesOfExec(other, 50))
    await using writer = await withContainer({ image, command: ['dd', 'if=/dev/zero', 'bs=1M', 'count=1024'] })
    const following = writer.logs({ follow: true })
    const first = await following.next()
    expect(median(await timesOfExec(other, 100))).toBeLessThan(quiet + 10)
    await writer.wait()
    let [bytes, dropped] = [0, 0]
    const rest: LogEntry[] = first.done ? [] : [first.value]
    for await (const entry of following) rest.push(entry)
    for (const entry of rest) {
      if ('data' in entry) bytes += entry.stream === 'stdout' ? entry.data.length : 0
      else dropped += entry.dropped
    }
    expect(dropped).toBeGreaterThan(2 ** 29)
    expect(bytes + dropped).toBeLessThanOrEqual(2 ** 30 + 1000)
    expect(bytes + dropped).toBeGreaterThan(2 ** 30 - 2 ** 17)
  },
)

test('an exec whose silent children hold its pipes ends also while much else is on the way', async () => {
  await using container = await withContainer(sleeping)
  const input = 'x'.repeat(4 << 20)
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      index % 2
        ? container.exec(['cat'], { stdin: input })
        : container.exec(['sh', '-c', 'sleep 1000 & echo out; echo error >&2; exit 4']),
    ),
  )
  for (const [index, { exitCode, stdout, stderr }] of results.entries()) {
    if (index % 2) expect(stdout.length).toBe(input.length)
    else expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 4, stdout: 'out\n', stderr: 'error\n' })
  }
})

test('an exec in a container that ends meanwhile ends too, in whatever step it was', async () => {
  for (let round = 0; round < 20; round++) {
    const container = await withContainer({ image, command: ['sh', '-c', `sleep 0.0${round % 10}`] })
    const execs = Array.from({ length: 6 }, (_, index) =>
      container.exec(['sleep', '1000'], { tty: index % 2 === 0 }).then(
        ({ signal }) => signal,
        (error: unknown) => (error as AirplantError).code,
      ),
    )
    for (const result of await Promise.all(execs))
      expect(result).toMatch(/^(SIGKILL|SIGHUP|ERR_NOT_RUNNING|ERR_STEP_FAILED)$/)
    await container[Symbol.asyncDispose]()
  }
})
