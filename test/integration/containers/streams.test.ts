import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import type { Container, Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, runToEnd } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
const sleeper = { image, command: ['sleep', '120'] }
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

function sum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe.each(images)('on %s', (_, on) => {
  test('stdin is a pipe that ends', async () => {
    await withContainer({ image: on, stdin: true, command: ['cat'] }, async (container) => {
      container.stdin.write('one ')
      container.stdin.end('two')
      expect(await container.wait()).toMatchObject({ exitCode: 0 })
      expect((await container.logs()).output).toBe('one two')
    })
  })

  test('attached output comes as streams and is in the log', async () => {
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 3']
    await withContainer({ image: on, attach: true, command }, async (container) => {
      const both = await Promise.all([text(container.stdout), text(container.stderr), container.wait()])
      expect(both).toEqual(['out\n', 'err\n', { exitCode: 3, signal: null }])
      expect(await container.logs()).toMatchObject({ stdout: 'out\n', stderr: 'err\n', dropped: 0 })
    })
  })

  test('10 MB go in and come out unchanged', async () => {
    const bytes = randomBytes(10_000_000)
    await withContainer({ image: on, attach: true, stdin: true, command: ['cat'] }, async (container) => {
      container.stdin.end(bytes)
      container.stderr.resume()
      expect(sum(await buffer(container.stdout))).toBe(sum(bytes))
    })
  })
})

test('an attached program that nobody reads waits, and loses nothing', async () => {
  const command = ['sh', '-c', 'head -c 20000000 /dev/zero; echo done >&2']
  await withContainer({ image, attach: true, command }, async (container) => {
    container.stderr.resume()
    await once(container.stdout, 'readable')
    await delay(150)
    expect(container.exit).toBeUndefined()
    expect((await container.logs()).stderr).toBe('')
    expect((await buffer(container.stdout)).length).toBe(20_000_000)
    expect(await container.wait()).toMatchObject({ exitCode: 0 })
  })
})

test('the end of an attached stream that nobody wants lets the program end', async () => {
  await withContainer({ image, attach: true, command: ['head', '-c', '3000000', '/dev/zero'] }, async (container) => {
    container.stdout.destroy()
    container.stderr.destroy()
    expect((await container.wait()).exitCode).not.toBeNull()
  })
})

async function medianExec(container: Container): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 31; round++) {
    const began = performance.now()
    await container.exec(['true'])
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)[15] ?? 0
}

test('1 GB that nobody reads neither fills memory nor slows down a neighbour', async () => {
  await withContainer(sleeper, async (neighbour) => {
    await medianExec(neighbour)
    const before = await medianExec(neighbour)
    const writer = { image, logLimit: 100_000, command: ['head', '-c', '1000000000', '/dev/zero'] }
    await withContainer(writer, async (container) => {
      const during = await medianExec(neighbour)
      // Two processors, of which the writer and the keeper take one or two.
      expect(during).toBeLessThan(Math.max(before * 10, 25))
      expect(await container.wait()).toMatchObject({ exitCode: 0 })
      const { output, dropped } = await container.logs()
      expect(output.length + dropped).toBe(1_000_000_000)
      expect(output.length).toBeLessThanOrEqual(100_000)
    })
  })
}, 60_000)

test('input to a program that does not read it, or has ended, is no crash', async () => {
  await withContainer({ image, stdin: true, command: ['sh', '-c', 'exit 0'] }, async (container) => {
    container.stdin.on('error', () => undefined)
    container.stdin.write(Buffer.alloc(1_000_000))
    expect(await container.wait()).toMatchObject({ exitCode: 0 })
  })
  await withContainer({ ...sleeper, stdin: true }, (container) => {
    container.stdin.on('error', () => undefined)
    container.stdin.write(Buffer.alloc(5_000_000))
  })
})

test('output is told apart from output of its neighbours', async () => {
  const ends = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      runToEnd({ image, command: ['sh', '-c', `for i in 1 2 3; do echo ${index}; echo e${index} >&2; done`] }),
    ),
  )
  ends.forEach(({ stdout, stderr }, index) => {
    expect(stdout).toBe(`${index}\n`.repeat(3))
    expect(stderr).toBe(`e${index}\n`.repeat(3))
  })
})
