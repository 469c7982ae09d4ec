import { setTimeout as delay } from 'node:timers/promises'
import { truncateSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Session } from '../../../src/rootless/session.ts'
import { errorOf } from '../../support/containers.ts'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench, PullStore } from '../../support/pull-bench.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: PullBench

beforeAll(async () => {
  bench = await PullBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const [one, two] = ['one', 'two'].map((name) => imageOf([tarArchive(tarFile(name))])) as [
  ReturnType<typeof imageOf>,
  ReturnType<typeof imageOf>,
]

/** What a call asks the registry for. */
async function askedBy<T>(call: () => Promise<T>): Promise<{ result: T; asked: number }> {
  const before = bench.registry.asked.length
  const result = await call()
  return { result, asked: bench.registry.asked.length - before }
}

test('"missing" asks when there is nothing, and then never again', async () => {
  const name = bench.registry.serve('policy/missing:1', one)
  const to = bench.fresh()
  expect((await askedBy(() => to.ensure(name))).asked).toBe(3)
  bench.registry.serve('policy/missing:1', two)
  const again = await askedBy(() => to.ensure(name, { pull: 'missing' }))
  expect(again).toMatchObject({ asked: 0, result: { id: one.config.digest } })
})

test('"always" asks for the manifest, and for the rest when it is another one', async () => {
  const name = bench.registry.serve('policy/always:1', one)
  const to = bench.fresh()
  const first = await to.ensure(name, { pull: 'always' })
  expect(await askedBy(() => to.ensure(name, { pull: 'always' }))).toEqual({ asked: 1, result: first })
  expect(to.events.at(-1)).toMatchObject({ kind: 'done', changed: false })
  bench.registry.serve('policy/always:1', two)
  const changed = await askedBy(() => to.ensure(name, { pull: 'always' }))
  expect(changed).toMatchObject({ asked: 3, result: { id: two.config.digest } })
  // The one before stays, without the tag.
  expect((await to.store.find(first.id))?.id).toBe(first.id)
  bench.registry.serve('policy/always:1', one)
  expect((await to.ensure(name, { pull: 'always' })).id).toBe(first.id)
  expect(to.events.at(-1)).toMatchObject({ kind: 'done', changed: true, bytes: 0 })
  // An ID means one image for ever, and no registry can be asked for it.
  expect((await askedBy(() => to.ensure(first.id, { pull: 'always' }))).asked).toBe(0)
})

test('"always" fails when the registry does not have it any more, and the store keeps what it has', async () => {
  const name = bench.registry.serve('policy/gone:1', one)
  const to = bench.fresh()
  await to.ensure(name)
  const gone = `${bench.registry.host}/policy/gone:2`
  await to.store.name(name, gone)
  expect(await errorOf(to.ensure(gone, { pull: 'always' }))).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', image: gone })
  expect((await to.ensure(gone)).id).toBe(one.config.digest)
})

test('"never" asks nobody, and says how to get the image', async () => {
  const name = bench.registry.serve('policy/never:1', one)
  const to = bench.fresh()
  const before = bench.registry.requests.length
  const error = await errorOf(to.ensure(name, { pull: 'never' }))
  expect(error).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', phase: 'pull', image: name })
  expect(error.elapsed).toBeGreaterThan(0)
  expect(error.message).toContain(`"${name}" in the store "${to.home}"`)
  expect(error.hint).toContain(`airplant pull ${name}`)
  expect(bench.registry.requests).toHaveLength(before)
  await to.pull(name)
  expect((await to.ensure(name, { pull: 'never' })).id).toBe(one.config.digest)
  const other = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64'
  expect(await errorOf(to.ensure(name, { pull: 'never', platform: other }))).toMatchObject({
    code: 'ERR_PLATFORM_MISSING',
  })
})

test('"newerThan" counts from when the registry was last asked for that name', async () => {
  const name = bench.registry.serve('policy/newer:1', one)
  const other = bench.registry.serve('policy/newer:2', one)
  const to = bench.fresh()
  await to.ensure(name, { pull: { newerThan: 1 } })
  expect((await askedBy(() => to.ensure(name, { pull: { newerThan: 3_600_000 } }))).asked).toBe(0)
  await delay(30)
  expect((await askedBy(() => to.ensure(name, { pull: { newerThan: 20 } }))).asked).toBe(1)
  // Nothing changed, but now it is known to be so.
  expect((await askedBy(() => to.ensure(name, { pull: { newerThan: 3_600_000 } }))).asked).toBe(0)
  // Long enough for a busy machine to ask again within it.
  await delay(1600)
  await to.ensure(other, { pull: 'always' })
  expect((await askedBy(() => to.ensure(other, { pull: { newerThan: 1500 } }))).asked).toBe(0)
  expect((await askedBy(() => to.ensure(name, { pull: { newerThan: 1500 } }))).asked).toBe(1)
  // Of a name that was given by hand no registry said anything; what a digest names never changes.
  const byHand = bench.registry.serve('policy/newer:3', two)
  await to.store.name(name, byHand)
  const asked = await askedBy(() => to.ensure(byHand, { pull: { newerThan: 3_600_000 } }))
  expect(asked).toMatchObject({ asked: 3, result: { id: two.config.digest } })
  const digest = `${bench.registry.host}/policy/newer@${one.manifest.digest}`
  for (const fixed of [digest, one.config.digest]) {
    expect((await askedBy(() => to.ensure(fixed, { pull: { newerThan: 1 } }))).asked).toBe(0)
  }
})

test('blobs that were damaged in the store are fetched again', async () => {
  const name = bench.registry.serve('policy/damaged:1', one)
  const damages: ((path: string) => void)[] = [
    (path) => writeFileSync(path, Buffer.alloc(one.layers[0]!.size)),
    (path) => truncateSync(path, 10),
  ]
  // One that has not read them before.
  await using other = await Session.start()
  for (const damage of damages) {
    for (const { digest } of [one.layers[0]!, one.config, one.manifest]) {
      const to = bench.fresh()
      const image = await to.pull(name)
      damage(to.store.blobs.path(digest))
      await to.store.layers.remove(image.layers[0]!.key)
      const again = new PullStore(other, to.env)
      expect((await again.ensure(name)).id).toBe(image.id)
      expect(await again.store.verify()).toEqual([])
    }
  }
})

test('what cannot be used at all is told before anybody is asked', async () => {
  const to = bench.fresh()
  const before = bench.registry.requests.length
  const bad = [
    '',
    'UPPER/case',
    'a//b',
    'x@sha256:../../etc',
    `${bench.registry.host}/x:${'t'.repeat(200)}`,
    'a'.repeat(64),
  ]
  for (const name of bad) {
    const error = await errorOf(to.ensure(name))
    expect({ name, error }).toMatchObject({ error: { code: 'ERR_INVALID_REFERENCE', phase: 'pull', image: name } })
    expect(error.hint).toBeTruthy()
    expect(await errorOf(to.pull(name))).toMatchObject({ code: 'ERR_INVALID_REFERENCE', phase: 'pull' })
  }
  const platform = errorOf(to.pull(`${bench.registry.host}/x`, { platform: 'a/b/c/d' }))
  expect(await platform).toMatchObject({ code: 'ERR_INVALID_OPTION', phase: 'pull' })
  expect(bench.registry.requests).toHaveLength(before)
})
