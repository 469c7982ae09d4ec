import { afterAll, describe, expect, test } from 'vitest'
import type { Container, Image } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, runToEnd } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const root = tinyRoot()
const image = { rootfs: root.path }
afterAll(() => root[Symbol.dispose]())

const images: [string, Image][] = [
  ['the host image', 'host'],
  ['a root directory', image],
]

async function follow(container: Container): Promise<{ data: Buffer; dropped: number; streams: string }> {
  const chunks: Buffer[] = []
  let dropped = 0
  let streams = ''
  for await (const entry of container.logs({ follow: true })) {
    if ('dropped' in entry) {
      dropped += entry.dropped
      continue
    }
    chunks.push(entry.data)
    streams += entry.stream === 'stdout' ? 'o' : 'e'
  }
  return { data: Buffer.concat(chunks), dropped, streams }
}

describe.each(images)('the log on %s', (_, on) => {
  test('has both streams, apart and in their order', async () => {
    const script = 'echo 1; sleep 0.03; echo 2 >&2; sleep 0.03; echo 3; sleep 0.03; echo 4 >&2'
    expect(await runToEnd({ image: on, command: ['sh', '-c', script] })).toMatchObject({
      stdout: '1\n3\n',
      stderr: '2\n4\n',
      output: '1\n2\n3\n4\n',
      dropped: 0,
    })
  })

  test('can be followed to the end', async () => {
    const script = 'for i in 1 2 3; do echo $i; sleep 0.02; echo e$i >&2; sleep 0.02; done'
    await withContainer({ image: on, command: ['sh', '-c', script] }, async (container) => {
      const { data, streams } = await follow(container)
      expect(String(data)).toBe('1\ne1\n2\ne2\n3\ne3\n')
      expect(streams).toBe('oeoeoe')
      expect(String((await follow(container)).data)).toBe('1\ne1\n2\ne2\n3\ne3\n')
    })
  })
})

test('it keeps every byte as it is', async () => {
  const script = `i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i + 1)); done`
  await withContainer({ image, command: ['sh', '-c', script] }, async (container) => {
    const { data } = await follow(container)
    expect(data).toEqual(Buffer.from(Array.from({ length: 256 }, (_, index) => index)))
  })
})

test('a character that is cut between two writes is whole again', async () => {
  const script = `printf 'gr\\303'; sleep 0.05; printf '\\274n'`
  expect((await runToEnd({ image, command: ['sh', '-c', script] })).output).toBe('grün')
})

test('within its limit the latest are kept, what was dropped is counted', async () => {
  const ended = await runToEnd({ image, logLimit: 10_000, command: ['seq', '100000'] })
  expect(ended.output.endsWith('99999\n100000\n')).toBe(true)
  expect(ended.output.length).toBeLessThanOrEqual(10_000)
  expect(ended.output.length).toBeGreaterThan(2000)
  expect(ended.output.length + ended.dropped).toBe(588_895)
})

test('a slow reader that follows is told what it missed', async () => {
  const command = ['sh', '-c', 'seq 200000; sleep 0.1; echo last']
  await withContainer({ image, logLimit: 8192, command }, async (container) => {
    const log = container.logs({ follow: true })
    const first = await log.next()
    expect(first.done).toBe(false)
    await container.wait()
    let seen = 0
    let dropped = 0
    let text = ''
    for (let next = first; !next.done; next = await log.next()) {
      if ('dropped' in next.value) dropped += next.value.dropped
      else {
        seen += next.value.data.length
        text = `${text}${String(next.value.data)}`.slice(-5)
      }
    }
    expect(seen + dropped).toBe(1_288_895 + 5)
    expect(text).toBe('last\n')
  })
})

test('several may follow, and leave early', async () => {
  const command = ['sh', '-c', 'while :; do echo tick; sleep 0.01; done']
  await withContainer({ image, command }, async (container) => {
    const readers = Array.from({ length: 5 }, async () => {
      let count = 0
      for await (const entry of container.logs({ follow: true })) {
        if ('data' in entry && ++count === 5) return count
      }
      return count
    })
    expect(await Promise.all(readers)).toEqual([5, 5, 5, 5, 5])
  })
})

test('following ends when the container is disposed', async () => {
  const container = await withContainer({ image, command: ['sleep', '60'] })
  const following = follow(container).then(
    () => 'ended',
    () => 'failed',
  )
  await container[Symbol.asyncDispose]()
  expect(await following).toMatch(/ended|failed/)
})

test('the times of entries are those of their arrival', async () => {
  const began = Date.now()
  await withContainer({ image, command: ['sh', '-c', 'echo a; sleep 0.2; echo b'] }, async (container) => {
    const times: number[] = []
    for await (const entry of container.logs({ follow: true })) if ('time' in entry) times.push(entry.time)
    expect(times[0]).toBeGreaterThanOrEqual(began - 5)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(150)
  })
})
