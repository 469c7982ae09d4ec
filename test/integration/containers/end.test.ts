import { setTimeout as delay } from 'node:timers/promises'
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import type { Container, Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import { checkLeftovers, errorOf, runToEnd, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
const sleeper = { image, command: ['sleep', '60'] }
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

const stubborn = ['sh', '-c', 'trap "" TERM INT; echo ready; while :; do sleep 0.05; done']
const counter = ['sh', '-c', 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done']

async function ready(container: Container): Promise<void> {
  await expect.poll(async () => (await container.logs()).output, { interval: 5 }).toContain('ready')
}

async function count(container: Container): Promise<number> {
  return Number((await container.logs()).stdout.trim().split('\n').at(-1))
}

describe.each(images)('on %s', (_, on) => {
  test('exit codes and signals come as they were', async () => {
    for (const code of [0, 1, 42, 255]) {
      expect(await runToEnd({ image: on, command: ['sh', '-c', `exit ${code}`] })).toMatchObject({
        exitCode: code,
        signal: null,
      })
    }
    const killer = (signal: string) => ['sh', '-c', `kill -${signal} $$; kill -${signal} $$; echo survived`]
    // A pid 1 takes from inside only signals that it has a handler for.
    expect(await runToEnd({ image: on, command: killer('KILL') })).toMatchObject({ output: 'survived\n' })
    for (const signal of ['SIGSEGV', 'SIGKILL', 'SIGXCPU']) {
      await withContainer({ image: on, command: ['sleep', '60'] }, async (container) => {
        await container.signal('SIGKILL')
        expect(await container.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' })
      })
      expect(
        await runToEnd({ image: on, command: ['sh', '-c', `sh -c 'kill -${signal.slice(3)} $$'; exit $?`] }),
      ).toMatchObject({ signal: null })
    }
  })

  test('a stop lets a program end by its own handler', async () => {
    const command = ['sh', '-c', 'trap "echo cleaned up; exit 7" TERM; echo ready; while :; do sleep 0.01; done']
    await withContainer({ image: on, command }, async (container) => {
      await ready(container)
      expect(await container.stop()).toEqual({ exitCode: 7, signal: null })
      expect((await container.logs()).output).toBe('ready\ncleaned up\n')
      expect(await container.stop()).toEqual({ exitCode: 7, signal: null })
      expect(container.exit).toEqual({ exitCode: 7, signal: null })
    })
  })

  test('the stop signal can be another', async () => {
    const command = ['sh', '-c', 'trap "exit 5" QUIT; trap "" TERM; echo ready; while :; do sleep 0.01; done']
    for (const stopSignal of ['SIGQUIT', 'QUIT', 3]) {
      await withContainer({ image: on, command, stopSignal }, async (container) => {
        await ready(container)
        expect(await container.stop()).toEqual({ exitCode: 5, signal: null })
      })
    }
  })

  test('one that ignores the signal is killed after the timeout', async () => {
    await withContainer({ image: on, command: stubborn, stopTimeout: 300 }, async (container) => {
      await ready(container)
      const began = performance.now()
      expect(await container.stop()).toEqual({ exitCode: null, signal: 'SIGKILL' })
      expect(performance.now() - began).toBeGreaterThan(280)
      expect(performance.now() - began).toBeLessThan(3000)
    })
    await withContainer({ image: on, command: stubborn }, async (container) => {
      await ready(container)
      expect(await container.stop({ timeout: 0 })).toEqual({ exitCode: null, signal: 'SIGKILL' })
    })
  })

  test('a pause stops every process, a resume lets them go on', async () => {
    const command = ['sh', '-c', `(${counter[2]}) & wait`]
    await withContainer({ image: on, command }, async (container) => {
      await expect.poll(() => count(container)).toBeGreaterThan(3)
      await container.pause()
      const stopped = await count(container)
      await delay(200)
      expect(await count(container)).toBe(stopped)
      await container.resume()
      await expect.poll(() => count(container)).toBeGreaterThan(stopped + 3)
    })
  })
})

test('pausing twice and resuming what runs are errors', async () => {
  await withContainer(sleeper, async (container) => {
    const notPaused = await errorOf(container.resume())
    expect(notPaused.message).toMatch(/not paused/)
    await container.pause()
    const twice = await errorOf(container.pause())
    expect(twice.message).toMatch(/paused already/)
    await container.resume()
    expect(await shell(container, 'echo fine')).toBe('fine')
  })
})

test('a stop of a paused container kills it at once', async () => {
  await withContainer({ image, command: counter }, async (container) => {
    await container.pause()
    const began = performance.now()
    expect(await container.stop()).toEqual({ exitCode: null, signal: 'SIGKILL' })
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

test('a paused container can be disposed, and one that was resumed stops in order', async () => {
  const container = await withContainer(sleeper)
  await container.pause()
  await container[Symbol.asyncDispose]()
  await withContainer({ image, init: true, command: ['sleep', '60'] }, async (resumed) => {
    await resumed.pause()
    await resumed.resume()
    expect(await resumed.stop()).toMatchObject({ exitCode: 143 })
  })
})

test('what had stopped itself stays stopped after a resume', async () => {
  const script = 'sleep 60 & kill -STOP $!; until grep -q "^State:.T" /proc/$!/status; do :; done; echo ready; wait'
  const command = ['sh', '-c', script]
  await withContainer({ image, command }, async (container) => {
    await ready(container)
    await container.pause()
    await container.resume()
    expect(await shell(container, `grep -l '^State:.T' /proc/[0-9]*/status | wc -l`)).toBe('1')
  })
})

test('signals reach the program by name and number', async () => {
  const traps = 'for s in HUP USR1 USR2; do trap "echo got $s" $s; done; echo ready; while :; do sleep 0.01; done'
  await withContainer({ image, command: ['sh', '-c', traps] }, async (container) => {
    await ready(container)
    for (const [signal, name] of [
      ['SIGUSR1', 'USR1'],
      ['usr2', 'USR2'],
      [1, 'HUP'],
    ] as const) {
      await container.signal(signal)
      await expect.poll(async () => (await container.logs()).output).toContain(`got ${name}`)
    }
    expect((await errorOf(container.signal('SIGNONE'))).code).toBe('ERR_INVALID_OPTION')
  })
})

test('what needs a running container says that it has ended', async () => {
  await withContainer({ image, command: ['true'] }, async (container) => {
    await container.wait()
    for (const call of [
      () => container.signal('SIGTERM'),
      () => container.pause(),
      () => container.resume(),
      () => container.exec(['true']),
      () => container.execStream(['true']),
    ]) {
      const error = await errorOf(call())
      expect(error).toMatchObject({ code: 'ERR_NOT_RUNNING', container: container.id })
    }
    expect(await container.stop()).toEqual({ exitCode: 0, signal: null })
    expect((await container.logs()).output).toBe('')
  })
})

test('several may wait, before and after the end', async () => {
  await withContainer({ image, command: ['sh', '-c', 'sleep 0.05; exit 4'] }, async (container) => {
    const exits = await Promise.all([container.wait(), container.exited, container.wait()])
    expect(exits).toEqual(Array(3).fill({ exitCode: 4, signal: null }))
    expect(await container.wait()).toEqual({ exitCode: 4, signal: null })
  })
})

test('disposing is idempotent, concurrent, and works while other calls run', async () => {
  const session = await defaultSession()
  const container = await withContainer({ image, command: counter })
  const calls = Promise.allSettled([container.exec(['sleep', '60']), container.wait(), container.stop()])
  await Promise.all([container[Symbol.asyncDispose](), container[Symbol.asyncDispose]()])
  await container[Symbol.asyncDispose]()
  for (const outcome of await calls) expect(outcome.status).toBeTruthy()
  expect(() => readFileSync(`/proc/${container.pid}/status`)).toThrow()
  expect(session.client.live.processes).toBe(0)
})

test('twenty at once are disposed at once', async () => {
  const containers = await Promise.all(Array.from({ length: 20 }, () => withContainer(sleeper)))
  expect(new Set(containers.map(({ id }) => id)).size).toBe(20)
  await Promise.all(containers.map((container) => container[Symbol.asyncDispose]()))
  const session = await defaultSession()
  expect(await session.client.list()).toEqual([])
  expect(session.client.live.processes).toBe(0)
})

test('an abort removes a container, also one that was not ready yet', async () => {
  const controller = new AbortController()
  const container = await withContainer({ ...sleeper, signal: controller.signal })
  controller.abort()
  expect(await container.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' })
  await container[Symbol.asyncDispose]()
  const error = await errorOf(withContainer({ ...sleeper, signal: controller.signal }))
  expect(error).toMatchObject({ code: 'ERR_ABORTED' })
  for (let ms = 0; ms < 6; ms++) {
    const late = new AbortController()
    const starting = withContainer({ ...sleeper, signal: late.signal })
    await delay(ms)
    late.abort(new Error('enough'))
    const outcome = await starting.then(
      (started) => started.wait(),
      (reason: unknown) => reason,
    )
    expect(outcome).toMatchObject(outcome instanceof Error ? { code: 'ERR_ABORTED' } : { signal: 'SIGKILL' })
  }
})

test('the callback form removes the container when the function throws', async () => {
  let pid = 0
  const failing = withContainer(sleeper, (container) => {
    pid = container.pid
    throw new Error('from the test')
  })
  await expect(failing).rejects.toThrow('from the test')
  expect(() => readFileSync(`/proc/${pid}/status`)).toThrow()
})
