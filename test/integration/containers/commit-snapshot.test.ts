import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { importImage } from '../../../src/images/archives/import-image.ts'
import { removeByKeeper } from '../../../src/rootless/host-files.ts'
import type { LocalImage, StorageDriver } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { tinyArchive } from '../../support/cli-store.ts'
import { checkLeftovers, errorOf } from '../../support/containers.ts'

const home = mkdtempSync(join(tmpdir(), 'airplant-commit-'))
const outer = process.env['AIRPLANT_HOME']
process.env['AIRPLANT_HOME'] = join(home, 'store')
checkLeftovers()
let session: Session
let store: ImageStore
let base: LocalImage

beforeAll(async () => {
  session = await Session.start()
  store = ImageStore.of(session)
  const archive = tinyArchive()
  const { image } = await importImage(store, session, chunks(archive), { reference: 'tiny' })
  base = (await store.find(image.id))!
})

afterAll(async () => {
  await removeByKeeper(session, join(home, 'store', 'layers'))
  await session[Symbol.asyncDispose]()
  if (outer === undefined) delete process.env['AIRPLANT_HOME']
  else process.env['AIRPLANT_HOME'] = outer
  rmSync(home, { recursive: true })
})

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

const write = (text: string): readonly string[] => ['sh', '-c', `echo ${text} > /${text}`]

async function filesOf(image: LocalImage, storage?: StorageDriver): Promise<string> {
  const options = { session, image, command: ['sh', '-c', 'cd /; echo one* two* three*'], ...(storage && { storage }) }
  await using container = await withContainer(options)
  await container.wait()
  return (await container.logs()).stdout
}

test('a commit that stands on a snapshot is whole in the store, and stays when the snapshot goes', async () => {
  await using first = await withContainer({ session, image: base, command: write('one') })
  await first.wait()
  const snapshot = await first.snapshot()
  // By the container whose upper became the snapshot, and by one that was started from it.
  const again = await first.commit({ reference: 'again' })
  await using second = await withContainer({ session, image: snapshot, command: write('two') })
  await second.wait()
  const seeded = await second.commit({ reference: 'seeded' })
  await snapshot[Symbol.asyncDispose]()
  await store.collectGarbage()
  expect(await filesOf((await store.find('again'))!)).toBe('one two* three*\n')
  expect(await filesOf((await store.find('seeded'))!)).toBe('one two three*\n')
  for (const { config, layers } of [again, seeded]) expect(config.diffIds).toEqual(layers.map(({ key }) => key))
  expect(await store.list()).toHaveLength(3)
})

test('commits one after another stand on each other', async () => {
  await using container = await withContainer({ session, image: base, command: write('one') })
  await container.wait()
  const one = await container.commit()
  await container.copyIn({ content: '', target: '/two' })
  const two = await container.commit()
  expect(two.layers.slice(0, -1)).toEqual(one.layers)
  expect(two.config.diffIds).toEqual(two.layers.map(({ key }) => key))
  expect(await filesOf(two)).toBe('one two three*\n')
})

test('with the copy driver it has one layer, also on a snapshot', async () => {
  const storage = 'copy'
  await using first = await withContainer({ session, storage, image: base, command: write('one') })
  await first.wait()
  await using snapshot = await first.snapshot()
  await using second = await withContainer({ session, storage, image: snapshot, command: write('two') })
  await second.wait()
  const image = await second.commit()
  expect(image.layers).toHaveLength(1)
  expect(await filesOf(image, storage)).toBe('one two three*\n')
})

test.each(['overlay', 'copy'] as const)('a root directory has no configuration to commit (%s)', async (storage) => {
  const { directory } = base.layers[0]!
  await using container = await withContainer({ session, storage, image: { rootfs: directory }, command: write('one') })
  await container.wait()
  const before = readdirSync(join(home, 'store', 'images'))
  expect(await errorOf(container.commit())).toMatchObject({ code: 'ERR_INVALID_OPTION', phase: 'commit' })
  expect(readdirSync(join(home, 'store', 'images'))).toEqual(before)
})
