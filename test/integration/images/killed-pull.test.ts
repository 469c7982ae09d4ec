import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench, type PullStore } from '../../support/pull-bench.ts'
import { cannotRunScripts, runScript, type ScriptResult } from '../../support/scripts.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
const built = new URL('../../../dist/src/', import.meta.url)
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

const made = imageOf([
  tarArchive(...Array.from({ length: 300 }, (_, at) => tarFile(`file-${at}`, randomBytes(3000)))),
  tarArchive(tarFile('large', randomBytes(5_000_000))),
  tarArchive(tarFile('small', 'x')),
])

/** Pulls in a process of its own, which runs a piece of code at each event of its progress. */
function pullElsewhere(name: string, to: PullStore, atEvent: string): Promise<ScriptResult> {
  const module = (path: string): string => JSON.stringify(new URL(path, built).href)
  return runScript(
    `
    const { pullImage } = await import(${module('images/pull-image.js')})
    const { Session } = await import(${module('rootless/session.js')})
    const session = await Session.start()
    const kill = () => process.kill(process.pid, 'SIGKILL')
    let bytes = 0
    const onProgress = (event) => { if (event.kind === 'done') bytes = event.bytes; ${atEvent} }
    const image = await pullImage(${JSON.stringify(name)}, { session, env: process.env, onProgress })
    console.log(image.id, bytes)
    await session[Symbol.asyncDispose]()`,
    { env: to.env },
  )
}

/** Of the paths that were asked for since, how many are blobs. */
function blobsAsked(since: number): string[] {
  return bench.registry.asked.slice(since).filter((url) => url.includes('/blobs/'))
}

test('of two processes that pull one image at once, one downloads', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const name = bench.registry.serve('twice/app:1', made)
  const to = bench.fresh()
  const before = bench.registry.asked.length
  let waits = 0
  // Both have asked for the manifest before one of them gets its first blob.
  const both = new Promise<void>((resolve) => {
    bench.registry.intervene = async ({ url = '' }) => {
      if (url.includes('/manifests/') && ++waits === 2) resolve()
      if (url.includes('/blobs/')) await both
      return false
    }
  })
  const [here, elsewhere] = await Promise.all([to.pull(name), pullElsewhere(name, to, '')])
  expect(elsewhere).toMatchObject({ code: 0, stderr: '' })
  expect(elsewhere.stdout).toContain(here.id)
  expect(blobsAsked(before)).toHaveLength(4)
  expect(await to.store.verify()).toEqual([])
  expect(to.temporary()).toEqual([])
})

const layer = (state: string, more = 'true'): string => `if (event.state === '${state}' && ${more}) kill()`
const moments: readonly (readonly [string, string])[] = [
  ['before its first request', `kill()`],
  ['when it knows the layers', layer('waiting')],
  ['when a download begins', layer('downloading')],
  ['in the middle of a download', layer('downloading', 'event.done > 1_000_000')],
  ['at the end of a download', layer('downloading', 'event.done === event.total && event.total > 4_000_000')],
  ['when an unpack begins', layer('unpacking')],
  ['soon after an unpack began', `if (event.state === 'unpacking') setTimeout(kill, 5)`],
  ['when the large layer is unpacked', layer('unpacking', 'event.total > 4_000_000')],
  ['when a layer is done', layer('done')],
  ['when the large layer is done', layer('done', 'event.total > 4_000_000')],
]

test.for(moments)('when one is killed %s, the other finishes', async ([, atEvent], { skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const name = bench.registry.serve('killed/app:1', made)
  const to = bench.fresh()
  const waiting = new Set(made.layers.map(({ digest }) => digest))
  // The other one begins when the first has all downloads, so that it waits for them.
  const begun = new Promise<void>((resolve) => {
    bench.registry.intervene = ({ url = '' }) => {
      waiting.delete(url.slice(url.lastIndexOf('/') + 1))
      if (waiting.size === 0) resolve()
      return false
    }
  })
  const killed = pullElsewhere(name, to, atEvent)
  // Who unpacks is open then: to see the first one do it the other one has to come later.
  await (atEvent.includes('downloading') ? Promise.race([begun, killed]) : killed)
  const image = await to.pull(name)
  const { code, stdout } = await killed
  expect({ code, stdout }).toEqual({ code: -1, stdout: '' })
  expect(image.layers).toHaveLength(3)
  expect(await to.store.verify()).toEqual([])
  // What the dead one left is swept by whoever pulls next.
  const before = bench.registry.asked.length
  await to.pull(name)
  expect(bench.registry.asked).toHaveLength(before + 1)
  expect(to.temporary()).toEqual([])
  const { layers, blobs } = await to.store.prune()
  expect({ layers, blobs }).toEqual({ layers: 0, blobs: 0 })
  expect((await to.ensure(name, { pull: 'never' })).id).toBe(made.config.digest)
})

test('when one is killed while both unpack, the other finishes', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const name = bench.registry.serve('unpacking/app:1', made)
  for (const ms of [0, 10, 25]) {
    const to = bench.fresh()
    const killed = pullElsewhere(name, to, `if (event.state === 'waiting') setTimeout(kill, 30 + ${ms})`)
    const image = await to.pull(name)
    await killed
    await to.pull(name)
    expect(image.layers).toHaveLength(3)
    expect(await to.store.verify()).toEqual([])
    expect(to.temporary()).toEqual([])
  }
})

test('a killed download is gone on with, and not begun anew', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const name = bench.registry.serve('resumed/app:1', made)
  const to = bench.fresh()
  await pullElsewhere(name, to, layer('downloading', 'event.done > 3_000_000'))
  const before = bench.registry.requests.length
  await to.pull(name)
  const large = bench.registry.requests.slice(before).find(({ url }) => url.endsWith(made.layers[1]!.digest))
  expect(Number(/^bytes=(\d+)-$/.exec(large!.headers.range!)![1])).toBeGreaterThan(2_000_000)
  const done = to.events.at(-1)!
  expect(done.kind === 'done' && done.bytes).toBeLessThan(made.layers.reduce((sum, { size }) => sum + size, 0))
})

test('a prune in the middle of a pull waits, and takes nothing from it', async () => {
  const name = bench.registry.serve('pruned/app:1', made)
  const other = bench.registry.serve('pruned/other:1', imageOf([tarArchive(tarFile('other'))]))
  const to = bench.fresh()
  await to.pull(other)
  const pruned: Promise<unknown>[] = []
  let isPulled = false
  bench.registry.intervene = async ({ url = '' }) => {
    // When two layers are there.
    if (!url.endsWith(made.layers[1]!.digest)) return false
    while (!to.store.layers.find(diffIdOf(0)) || !to.store.layers.find(diffIdOf(2))) {
      await delay(5)
    }
    pruned.push(to.store.prune({ all: true }).then(() => expect(isPulled).toBe(true)))
    await delay(50)
    return false
  }
  const image = await to.pull(name).finally(() => (isPulled = true))
  expect(image.layers).toHaveLength(3)
  await Promise.all(pruned)
  expect(pruned).toHaveLength(1)
  expect((await to.ensure(name, { pull: 'never' })).id).toBe(image.id)
  expect(await to.store.find(other)).toBeUndefined()
})

function diffIdOf(index: number): string {
  const { rootfs } = JSON.parse(made.config.bytes.toString()) as { rootfs: { diff_ids: string[] } }
  return rootfs.diff_ids[index]!
}
