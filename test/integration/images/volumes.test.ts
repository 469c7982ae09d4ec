import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { Session } from '../../../src/rootless/session.ts'
import { errorOf } from '../../support/containers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

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
afterEach(() => {
  expect(readdirSync(join(home, 'tmp'))).toEqual([])
  rmSync(home, { recursive: true })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await left.assertNone()
})

test('a volume is made once, however many want it', async () => {
  const { volumes } = store
  const made = await Promise.all([1, 2, 3].map(() => volumes.create('data', { team: 'db' })))
  expect(new Set(made.map(({ created }) => created)).size).toBe(1)
  expect(made[0]).toMatchObject({ name: 'data', labels: { team: 'db' }, isFilled: false })
  expect(statSync(made[0]!.directory).uid).toBe(session.mapping.rootUid)
  await volumes.create('another')
  expect(volumes.list().map(({ name }) => name)).toEqual(['another', 'data'])
})

test('names that could be paths are refused', () => {
  for (const name of ['', '.', '..', 'a/b', '/etc', '-x', 'a\0b', 'ä', 'x'.repeat(300)]) {
    expect(() => store.volumes.find(name)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  }
})

test('a volume is filled at its first use, whole or again', async () => {
  const { volumes } = store
  const { directory } = await volumes.create('data')
  const copy = async (to: string): Promise<void> => writeFileSync(join(to, 'file'), '')
  const failing = async (to: string): Promise<void> => {
    writeFileSync(join(to, 'half'), '')
    throw new Error('It was killed')
  }
  await expect(volumes.fill('data', failing)).rejects.toThrow('killed')
  expect(await volumes.fill('data', copy)).toBe(true)
  expect(readdirSync(directory)).toEqual(['file'])
  expect(await volumes.fill('data', failing)).toBe(false)
  const used = await volumes.create('used')
  writeFileSync(join(used.directory, 'mine'), '')
  expect(await volumes.fill('used', failing)).toBe(false)
  expect(volumes.find('used')?.isFilled).toBe(true)
})

test('a volume in use is not removed', async () => {
  const { volumes } = store
  await volumes.create('data')
  const use = (await store.use(undefined, ['data']))!
  expect(await errorOf(volumes.remove('data'))).toMatchObject({ code: 'ERR_IN_USE' })
  expect(await volumes.prune()).toEqual([])
  expect(await store.diskUsage()).toMatchObject({ volumes: { count: 1, active: 1, reclaimable: 0 } })
  use.release()
  await volumes.remove('data')
  expect(volumes.find('data')).toBeUndefined()
  expect(await store.use(undefined, ['data'])).toBeUndefined()
  expect(await errorOf(volumes.remove('data'))).toMatchObject({ code: 'ERR_VOLUME_NOT_FOUND' })
})

test('what belongs to users of containers is measured and deleted too', async () => {
  const { volumes } = store
  const { directory } = await volumes.create('data')
  const { Plan } = await import('../../../src/rootless/protocol/plan.ts')
  const script = `head -c 100000 /dev/zero > ${directory}/file && chown -R 999:999 ${directory} && chmod 700 ${directory}`
  const plan = new Plan().hostExec(['/bin/sh', '-c', script], ['PATH=/bin:/usr/bin'])
  if (session.mapping.method !== 'single') {
    expect(await (await session.client.spawn({ kind: 'helper', plan })).wait()).toMatchObject({ exitCode: 0 })
    expect((await store.diskUsage()).volumes.bytes).toBeGreaterThanOrEqual(100_000)
  }
  await volumes.create('labelled', { keep: 'yes' })
  expect(await volumes.prune({ filter: ({ labels }) => labels['keep'] === undefined })).toEqual(['data'])
  expect(readdirSync(join(home, 'volumes'))).toEqual(['labelled'])
})
