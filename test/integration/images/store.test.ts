import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseReference } from '../../../src/images/reference.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { Session } from '../../../src/rootless/session.ts'
import { errorOf } from '../../support/containers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { digestOf, makeImage, smallFacts, storeImage, streamOf } from '../../support/stored-image.ts'

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
  expect(readdirSync(join(home, 'tmp'))).toEqual([])
  rmSync(home, { recursive: true, force: true })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await left.assertNone()
})

/** The store as another process sees it that starts now. */
function afresh(): ImageStore {
  const once = (_: string, make: () => object): object => make()
  const other = new Proxy(session, {
    get(target, name): unknown {
      const value: unknown = name === 'once' ? once : Reflect.get(target, name, target)
      return value instanceof Function ? (value.bind(target) as unknown) : value
    },
  })
  return ImageStore.of(other, { AIRPLANT_HOME: home })
}

test('an image is found by each of its names, whole', async () => {
  const image = makeImage(['one', 'two'])
  const index = digestOf(Buffer.from('an index'))
  await storeImage(store, 'postgres:17', image, index)
  const found = (await store.find('postgres:17'))!
  expect(found).toMatchObject({ id: image.config.digest, digest: image.manifest.digest, config: { cmd: ['true'] } })
  expect(found.layers.map(({ directory }) => readFileSync(join(directory, 'file'), 'utf8'))).toEqual(['one', 'two'])
  const hex = image.config.digest.slice(7)
  const names = ['docker.io/library/postgres:17', image.config.digest, hex, hex.slice(0, 12), `postgres@${index}`]
  for (const name of [...names, `postgres@${image.manifest.digest}`, image.manifest.digest]) {
    expect((await store.find(name))?.id).toBe(image.config.digest)
    expect((await afresh().find(name))?.id).toBe(image.config.digest)
  }
  expect(await store.find('postgres')).toBeUndefined()
  expect(await store.find(`redis@${index}`)).toBeUndefined()
  expect(await errorOf(store.find('UPPER'))).toMatchObject({ code: 'ERR_INVALID_REFERENCE' })
})

test('skopeo reads the store as it stands, Docker manifests too', async () => {
  for (const kind of ['docker', 'oci'] as const) {
    await storeImage(store, `example.org:5000/team/${kind}:v1`, makeImage([kind, 'top'], kind))
    const name = `oci:${join(home, 'oci')}:example.org:5000/team/${kind}:v1`
    const inspected = JSON.parse(execFileSync('skopeo', ['inspect', name], { encoding: 'utf8' })) as {
      Layers: string[]
    }
    expect(inspected.Layers).toHaveLength(2)
    const target = mkdtempSync(join(tmpdir(), 'airplant-skopeo-'))
    execFileSync('skopeo', ['copy', '--quiet', name, `dir:${target}`])
    rmSync(target, { recursive: true })
  }
  const docker = (await store.find('example.org:5000/team/docker:v1'))!
  const { manifest } = makeImage(['docker', 'top'], 'docker')
  expect(docker.digest).toBe(manifest.digest)
  expect(store.manifestBytes(store.lookup(docker.id)!)).toEqual(manifest.bytes)
})

test('the digest that is listed is the one that registries know: of the index, or of the manifest as they have it', async () => {
  const [alone, ofIndex] = [makeImage(['alone'], 'docker'), makeImage(['of an index'], 'docker')]
  const index = digestOf(Buffer.from('an index'))
  await storeImage(store, 'alone', alone)
  await storeImage(store, 'chosen', ofIndex, index)
  const digests = new Map((await store.list()).map(({ repository, digest }) => [repository, digest]))
  expect(digests).toEqual(
    new Map([
      ['alone', alone.manifest.digest],
      ['chosen', index],
    ]),
  )
})

test('an image that skopeo wrote into the layout is known, once its layers are unpacked', async () => {
  const image = makeImage(['x'])
  await storeImage(store, 'a:1', image)
  const source = `oci:${join(home, 'oci')}:docker.io/library/a:1`
  execFileSync('skopeo', ['copy', '--quiet', source, `oci:${join(home, 'oci')}:docker.io/library/b:2`])
  expect((await store.find('b:2'))?.layers).toHaveLength(1)
})

test('a name moves from one image to the next, which leaves the first without a tag', async () => {
  const [first, second] = [makeImage(['first']), makeImage(['second'])]
  await storeImage(store, 'app', first)
  await storeImage(store, 'app', second)
  expect((await store.find('app'))?.id).toBe(second.config.digest)
  expect((await store.find(`app@${first.manifest.digest}`))?.id).toBe(first.config.digest)
  const rows = await store.list()
  expect(rows).toEqual([
    expect.objectContaining({ id: first.config.digest, repository: 'app', tag: undefined, bytes: 5 }),
    expect.objectContaining({ id: second.config.digest, repository: 'app', tag: 'latest' }),
  ])
  expect(await store.prune()).toMatchObject({ images: [first.config.digest], untagged: [], layers: 1, blobs: 3 })
  expect(await store.find(first.config.digest)).toBeUndefined()
  await storeImage(store, 'app', second)
  expect(await store.list()).toHaveLength(1)
})

test('one image has several names, and goes with the last one', async () => {
  const image = makeImage(['x'])
  await storeImage(store, 'app:1', image)
  await store.name('app:1', 'other/name')
  await store.name(image.config.digest.slice(7, 19), 'app:2')
  expect((await store.list()).map(({ repository, tag }) => `${repository}:${tag}`).sort()).toEqual([
    'app:1',
    'app:2',
    'other/name:latest',
  ])
  expect(await errorOf(store.removeImage(image.config.digest))).toMatchObject({ code: 'ERR_IN_USE' })
  expect(await store.removeImage('other/name')).toEqual({ untagged: ['other/name:latest'], deleted: [], bytes: 0 })
  const { bytes, ...removed } = await store.removeImage(image.config.digest)
  expect(removed).toEqual({ untagged: ['app:1', 'app:2'], deleted: [image.config.digest] })
  expect(bytes).toBeGreaterThan(500)
  expect(store.blobs.list()).toEqual([])
  expect(readdirSync(join(home, 'layers', readdirSync(join(home, 'layers'))[0]!))).toEqual([])
  expect(await errorOf(store.removeImage('app:1'))).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' })
})

test('what images share stays until the last of them goes', async () => {
  await storeImage(store, 'one', makeImage(['base', 'one']))
  await storeImage(store, 'two', makeImage(['base', 'two']))
  await store.removeImage('one')
  expect((await store.find('two'))?.layers).toHaveLength(2)
  expect(await store.verify()).toEqual([])
})

test('an image in use is kept, and so are its layers when it is removed by force', async () => {
  const image = makeImage(['x'])
  await storeImage(store, 'app', image)
  const found = (await store.find('app'))!
  const use = (await store.use(found))!
  expect(await errorOf(store.removeImage('app'))).toMatchObject({ code: 'ERR_IN_USE' })
  expect(await store.prune({ all: true })).toMatchObject({ images: [], layers: 0 })
  await store.removeImage('app', { force: true })
  expect(existsSync(join(found.layers[0]!.directory, 'file'))).toBe(true)
  use.release()
  use.release()
  expect(await store.prune()).toMatchObject({ layers: 1 })
  expect(await store.use(found)).toBeUndefined()
})

test('prune goes by age and by what it is asked', async () => {
  await storeImage(store, 'app', makeImage(['x']))
  expect(await store.prune({ all: true, until: new Date('2024-01-01') })).toMatchObject({ images: [] })
  expect(await store.prune({ all: true, filter: ({ names }) => names.length > 1 })).toMatchObject({ images: [] })
  expect(await store.prune({ all: true, until: new Date('2025-01-01') })).toMatchObject({ untagged: ['app:latest'] })
})

test('a pull keeps what it has brought from those who clean up', async () => {
  const image = makeImage(['x'])
  await store.withLock('collect', { shared: true }, async () => {
    await store.blobs.write(image.config, () => streamOf(image.config.bytes))
    expect(await store.collectGarbage({ wait: false })).toBeUndefined()
    expect(store.blobs.has(image.config.digest)).toBe(true)
  })
  expect(await store.collectGarbage()).toMatchObject({ blobs: 1 })
})

test('a layer that did not reach the disk before the machine went down is unpacked again', async () => {
  const image = makeImage(['x'])
  await storeImage(store, 'app', image)
  await store.synced()
  const [{ directory } = { directory: '' }] = (await store.find('app'))!.layers
  const record = join(directory, '..', 'layer.json')
  const elsewhere = readFileSync(record, 'utf8').replace(/"bootId":"[^"]*"/, '"bootId":"another"')
  writeFileSync(`${record}.new`, elsewhere)
  renameSync(`${record}.new`, record)
  expect(await afresh().find('app')).toBeDefined()
  rmSync(join(directory, '..', 'synced'))
  const other = afresh()
  expect(await other.find('app')).toBeUndefined()
  expect(other.lookup('app')?.layers).toHaveLength(1)
  await other.layers.create(image.layers[0]!.diffId, async (fresh) => {
    expect(readdirSync(fresh)).toEqual([])
    return smallFacts
  })
  expect(await other.find('app')).toBeDefined()
  await other.synced()
})

test('what somebody who is dead meant to delete is found again', async () => {
  const image = makeImage(['x'])
  await storeImage(store, 'app', image)
  store.layers.condemn(image.layers[0]!.diffId)
  expect(await store.find('app')).toBeUndefined()
  await store.layers.create(image.layers[0]!.diffId, () => Promise.reject(new Error('it was unpacked again')))
  expect(await store.find('app')).toBeDefined()
  store.layers.condemn(image.layers[0]!.diffId)
  await store.collectGarbage()
  expect(await store.find('app')).toBeDefined()
})

test('a damaged index is told, a missing blob makes an image unknown', async () => {
  const image = makeImage(['x'])
  await storeImage(store, 'app', image)
  rmSync(store.blobs.path(image.config.digest))
  expect(await afresh().find('app')).toBeUndefined()
  expect(await store.verify()).toEqual([{ digest: image.config.digest, problem: 'missing' }])
  writeFileSync(store.blobs.path(image.manifest.digest), 'x')
  expect(await store.verify()).toContainEqual({ digest: image.manifest.digest, problem: 'changed' })
  writeFileSync(join(home, 'oci', 'index.json'), '{"manifests":[{}]}')
  expect(await errorOf(afresh().find('app'))).toMatchObject({ code: 'ERR_STORE' })
})

test('an image without all of its blobs gets no name', async () => {
  const image = makeImage(['x'])
  await store.blobs.put(image.manifest.digest, image.manifest.bytes)
  const { mediaType, digest, size } = image.manifest
  expect(await errorOf(store.tag(parseReference('app'), { mediaType, digest, size }))).toMatchObject({
    code: 'ERR_STORE',
  })
})

test('a cached image is found in less than half a millisecond', async () => {
  await storeImage(store, 'app', makeImage(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']))
  const times: number[] = []
  for (let turn = 0; turn < 200; turn++) {
    const began = performance.now()
    await store.find('app')
    times.push(performance.now() - began)
  }
  expect(times.sort((a, b) => a - b)[100]).toBeLessThan(0.5)
})
