import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { Session } from '../../../src/rootless/session.ts'
import { errorOf } from '../../support/containers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { makeImage, smallFacts, storeImage } from '../../support/stored-image.ts'

const left = watchLeftovers()
let session: Session
let home: string
let store: ImageStore

beforeAll(async () => {
  session = await Session.start()
})
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  store = ImageStore.of(session, { AIRPLANT_HOME: home })
})
afterEach(async () => {
  await store.synced()
  rmSync(home, { recursive: true })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await left.assertNone()
})

test('what another session uses is kept until it ends', async () => {
  const other = await Session.start()
  const elsewhere = ImageStore.of(other, { AIRPLANT_HOME: home })
  const image = makeImage(['x'])
  await storeImage(store, 'app', image)
  await elsewhere.volumes.create('data')
  expect(await elsewhere.use(await elsewhere.find('app'), ['data'])).toBeDefined()
  expect(await errorOf(store.removeImage('app'))).toMatchObject({ code: 'ERR_IN_USE' })
  expect(await errorOf(store.volumes.remove('data'))).toMatchObject({ code: 'ERR_IN_USE' })
  expect(await store.prune({ all: true })).toMatchObject({ images: [] })
  await other[Symbol.asyncDispose]()
  expect(await store.prune({ all: true })).toMatchObject({ images: [image.config.digest], layers: 1 })
  await store.volumes.remove('data')
  expect(readdirSync(join(home, 'uses'))).toHaveLength(1)
})

test('a living session keeps what it is about to finish, a dead one does not', async () => {
  const other = await Session.start()
  const elsewhere = ImageStore.of(other, { AIRPLANT_HOME: home })
  const { diffId } = makeImage(['x']).layers[0]!
  let begun: () => void = () => undefined
  const filling = new Promise<void>((resolve) => {
    begun = resolve
  })
  const unfinished = elsewhere.layers
    .create(diffId, () => {
      begun()
      return new Promise<never>(() => {
        /* It never ends. */
      })
    })
    .catch(() => undefined)
  await filling
  const waiting = store.layers.create(diffId, async () => smallFacts)
  await store.prune()
  expect(readdirSync(join(home, 'tmp'))).toHaveLength(1)
  await other[Symbol.asyncDispose]()
  expect(await waiting).toMatchObject({ key: diffId })
  await store.prune()
  expect(readdirSync(join(home, 'tmp'))).toEqual([])
  await Promise.race([unfinished, Promise.resolve()])
})

test('whoever waits for another one can give up', async () => {
  const { diffId } = makeImage(['x']).layers[0]!
  let finish: () => void = () => undefined
  let slow: Promise<unknown> | undefined
  await new Promise<void>((begun) => {
    slow = store.layers.create(diffId, async () => {
      begun()
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return smallFacts
    })
  })
  const signal = AbortSignal.timeout(50)
  expect(await errorOf(store.layers.create(diffId, async () => smallFacts, { signal }))).toMatchObject({
    code: 'ERR_ABORTED',
  })
  finish()
  await slow
})

test('of images and their users none is lost, however often somebody cleans up', async () => {
  const images = ['a', 'b', 'c'].map((name) => ({ name, image: makeImage([name]) }))
  const other = await Session.start()
  const cleaner = ImageStore.of(other, { AIRPLANT_HOME: home })
  let isOver = false
  const cleaning = (async () => {
    while (!isOver) await cleaner.prune({ all: true })
  })()
  for (let turn = 0; turn < 15; turn++) {
    const { name, image } = images[turn % 3]!
    await storeImage(store, name, image)
    const found = await store.find(name)
    const use = found && (await store.use(found))
    // Either it was gone before it was used, or it stays.
    if (use) for (let look = 0; look < 3; look++) expect(readdirSync(found.layers[0]!.directory)).toEqual(['file'])
    use?.release()
  }
  isOver = true
  await cleaning
  await other[Symbol.asyncDispose]()
})
