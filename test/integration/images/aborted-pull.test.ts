import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ProgressEvent } from '../../../src/images/progress.ts'
import { errorOf } from '../../support/containers.ts'
import { startCuttingWire } from '../../support/hostile-registry.ts'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench } from '../../support/pull-bench.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: PullBench

beforeAll(async () => {
  bench = await PullBench.start()
})
afterEach(() => {
  bench.registry.intervene = undefined
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const sizes = [300_000, 6_000_000]
const made = imageOf(
  sizes.map((size, at) => tarArchive(tarFile(`file-${at}`, randomBytes(size)))),
  { pack: (bytes) => ({ bytes, suffix: '' }) },
)

const stages: readonly (readonly [string, (event: ProgressEvent) => boolean])[] = [
  ['its first request', ({ kind }) => kind === 'resolving'],
  ['the first byte of a layer', (event) => event.kind === 'layer' && event.state === 'downloading'],
  [
    'the middle of a layer',
    (event) => event.kind === 'layer' && event.state === 'downloading' && event.done > 3_000_000,
  ],
  ['the beginning of an unpack', (event) => event.kind === 'layer' && event.state === 'unpacking'],
  [
    'the unpack of a large layer',
    (event) => event.kind === 'layer' && event.state === 'unpacking' && event.total > 3_000_000,
  ],
  ['the end of a layer', (event) => event.kind === 'layer' && event.state === 'done'],
]

test.each(stages)('a pull is aborted at %s, at once, and the next one goes on from there', async (_, isStage) => {
  const name = bench.registry.serve('aborted/app:1', made)
  const to = bench.fresh()
  const controller = new AbortController()
  let abortedAt = 0
  const onProgress = (event: ProgressEvent): void => {
    if (abortedAt > 0 || !isStage(event)) return
    abortedAt = performance.now()
    controller.abort(new Error('No more time'))
  }
  const error = await errorOf(to.ensure(name, { signal: controller.signal, onProgress }))
  expect(performance.now() - abortedAt).toBeLessThan(1000)
  expect(error).toMatchObject({ code: 'ERR_ABORTED', phase: 'pull', image: name, cause: { message: 'No more time' } })
  expect(error.message).toMatch(/^Cannot pull ".*": it was aborted\nHint: What was fetched is kept/)
  expect(await to.store.list()).toEqual([])
  expect(to.temporary().filter((line) => !line.includes('.partial '))).toEqual([])

  const image = await to.ensure(name)
  expect(image.layers).toHaveLength(2)
  expect(await to.store.verify()).toEqual([])
  expect(to.temporary()).toEqual([])
  const total = made.layers.reduce((sum, { size }) => sum + size, 0)
  const done = to.events.at(-1) as ProgressEvent & { kind: 'done' }
  if (_ === 'the end of a layer') expect(done.bytes).toBeLessThan(total)
})

test('a pull that was aborted before asks nobody', async () => {
  const before = bench.registry.requests.length
  const name = `${bench.registry.host}/aborted/none`
  const error = await errorOf(bench.fresh().ensure(name, { signal: AbortSignal.abort() }))
  expect(error).toMatchObject({ code: 'ERR_ABORTED', phase: 'pull', image: name })
  expect(bench.registry.requests).toHaveLength(before)
})

test('a pull that waits for another one can be aborted', async () => {
  const name = bench.registry.serve('aborted/waiting:1', made)
  const asked = new Promise<() => void>((resolve) => {
    bench.registry.intervene = async ({ url = '' }) => {
      if (url.endsWith(made.layers[0]!.digest))
        await new Promise<void>((go) => {
          resolve(go)
        })
      return false
    }
  })
  const to = bench.fresh()
  const first = to.ensure(name)
  const go = await asked
  const controller = new AbortController()
  const second = errorOf(to.ensure(name, { signal: controller.signal, onProgress: () => undefined }))
  await delay(50)
  controller.abort()
  expect(await second).toMatchObject({ code: 'ERR_ABORTED', image: name })
  go()
  expect((await first).id).toBe(made.config.digest)
})

test('a layer that fails ends the others, and the first failure is told', async () => {
  const name = bench.registry.serve('aborted/failing:1', made)
  const [missing, slow] = [made.layers[0]!, made.layers[1]!]
  let slowClosed: Promise<unknown> | undefined
  bench.registry.intervene = async ({ url = '' }, response) => {
    if (url.endsWith(slow.digest)) {
      slowClosed = once(response, 'close')
      response.writeHead(200, { 'content-length': slow.size }).write('x')
      return true
    }
    if (!url.endsWith(missing.digest)) return false
    while (!slowClosed) await delay(1)
    response.writeHead(404).end()
    return true
  }
  const error = await errorOf(bench.fresh().ensure(name))
  expect(error).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', phase: 'pull', image: name })
  await slowClosed
})

test('a connection that is cut at many bytes is gone on with', { timeout: 30_000 }, async () => {
  bench.registry.serve('cut/app:1', made)
  // Each connection carries so many bytes, of the manifest, the configuration or a layer.
  const lengths = [1, 150, 700, 60_000, 1_000_003, 2_500_000, 5_999_999]
  await using wire = await startCuttingWire(bench.registry.host, (count) =>
    count < lengths.length ? { down: lengths[count]! } : undefined,
  )
  const to = bench.fresh()
  const image = await to.ensure(`${wire.host}/cut/app:1`)
  expect(image).toMatchObject({ id: made.config.digest })
  expect(wire.connections).toBeGreaterThan(5)
  expect(to.events.filter(({ kind }) => kind === 'retry').length).toBeGreaterThan(4)
  expect(await to.store.verify()).toEqual([])
})
