import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { LocalImage } from '../../../src/images/image.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { Session } from '../../../src/rootless/session.ts'
import { errorOf } from '../../support/containers.ts'
import { giveTo } from '../../support/give-to.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { digestOf, makeImage, storeImage } from '../../support/stored-image.ts'

const left = watchLeftovers()
let session: Session
let directory: string
let store: ImageStore
let base: LocalImage

beforeAll(async () => {
  session = await Session.start()
})
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  giveTo(session, directory)
  store = ImageStore.of(session, { AIRPLANT_HOME: join(directory, 'home') })
  await storeImage(store, 'base', makeImage(['base']))
  base = (await store.find('base'))!
})
afterEach(async () => {
  await store.synced()
  rmSync(directory, { recursive: true })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await left.assertNone()
})

function upper(content: string): string {
  const path = join(directory, `upper-${content}`)
  mkdirSync(path, { mode: 0o750 })
  writeFileSync(join(path, 'changed'), content)
  giveTo(session, path)
  return path
}

test('an upper directory becomes a layer, and an image with a name', async () => {
  const image = await store.publishSnapshot({
    upper: upper('one'),
    base,
    config: { Cmd: ['server'] },
    createdBy: 'airplant commit',
    reference: 'warm:1',
  })
  expect(image.layers).toHaveLength(2)
  expect(image.layers[1]).toMatchObject({ rootMode: 0o750, markedByFiles: false })
  expect(image.layers[1]!.key).toMatch(/^snapshot:[0-9a-f]{32}$/)
  expect(readFileSync(join(image.layers[1]!.directory, 'changed'), 'utf8')).toBe('one')
  expect(image).toMatchObject({
    digest: undefined,
    config: { cmd: ['server'], diffIds: [base.layers[0]!.key, image.layers[1]!.key] },
  })
  expect(image.config.history.at(-1)).toMatchObject({ createdBy: 'airplant commit' })
  expect(image.id).toBe(digestOf(Buffer.from(store.lookup('warm:1')!.snapshot!.config)))
  for (const name of ['warm:1', image.id, image.id.slice(7, 15)]) expect((await store.find(name))?.id).toBe(image.id)
})

test('what a snapshot takes is measured when somebody asks', async () => {
  await store.publishSnapshot({ upper: upper('x'.repeat(200)), base, reference: 'warm' })
  const [first] = await store.list()
  expect(first).toMatchObject({ repository: 'warm' })
  expect(first!.bytes).toBeGreaterThanOrEqual(205)
  expect((await store.diskUsage()).images).toMatchObject({ count: 2, active: 0 })
})

test('a snapshot keeps what it stands on, and goes with its last name', async () => {
  const image = await store.publishSnapshot({ upper: upper('one'), base, reference: 'warm:1' })
  const second = await store.publishSnapshot({ upper: upper('two'), base: image })
  expect(second.layers).toHaveLength(3)
  await store.removeImage('base')
  expect(await store.find('warm:1')).toBeDefined()
  await store.name(second.id, 'warm:2')
  await store.name('warm:2', 'warm:1')
  expect(store.lookup(image.id)?.names).toEqual([])
  expect((await store.list()).map(({ tag }) => tag).sort()).toEqual(['1', '2', undefined])
  expect(await store.prune()).toMatchObject({ images: [image.id], layers: 0 })
  await store.removeImage('warm:1')
  expect(await store.removeImage('warm:2')).toMatchObject({ deleted: [second.id] })
  expect(store.layers.list()).toEqual([])
})

test('a name moves from a snapshot to a pulled image and back', async () => {
  const image = await store.publishSnapshot({ upper: upper('one'), base, reference: 'app' })
  await storeImage(store, 'app', makeImage(['pulled']))
  expect((await store.find('app'))?.id).not.toBe(image.id)
  await store.name(image.id, 'app')
  expect((await store.find('app'))?.id).toBe(image.id)
})

test('a snapshot that cannot be made leaves nothing', async () => {
  expect(await errorOf(store.publishSnapshot({ upper: join(directory, 'none'), base }))).toMatchObject({
    code: 'ERR_STORE',
  })
  expect(await errorOf(store.publishSnapshot({ upper: upper('x'), base, reference: 'BAD' }))).toMatchObject({
    code: 'ERR_INVALID_REFERENCE',
  })
  // Where the index cannot be written, what the container wrote stays where it was.
  const path = upper('kept')
  writeFileSync(store.context.layout.index, 'damaged')
  expect(await errorOf(store.publishSnapshot({ upper: path, base }))).toMatchObject({ code: 'ERR_STORE' })
  expect(readFileSync(join(path, 'changed'), 'utf8')).toBe('kept')
  expect(store.records.read()).toEqual([])
  expect(store.layers.list()).toHaveLength(1)
})
