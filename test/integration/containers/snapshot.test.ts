import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { FixtureOptions } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { removeByKeeper } from '../../../src/rootless/host-files.ts'
import { checkLeftovers, errorOf, isSingleId, shell } from '../../support/containers.ts'
import { drivers } from '../../support/drivers.ts'
import { localImage, tinyLayer } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'
import { testRegistry } from '../../support/test-images.ts'

const parent = mkdtempSync(join(tmpdir(), 'airplant-snapshot-'))
const outer = process.env['AIRPLANT_HOME']
process.env['AIRPLANT_HOME'] = join(parent, 'store')
checkLeftovers()
afterAll(() => {
  if (outer === undefined) delete process.env['AIRPLANT_HOME']
  else process.env['AIRPLANT_HOME'] = outer
  rmSync(parent, { recursive: true })
})
const base = tinyRoot(parent)
base.write('/data/gone', 'gone')
const top = tinyLayer(parent).write('data/top', 'top')
const image = localImage([base.path, top.path], { env: ['FROM=image'] })
const asleep: FixtureOptions = { command: ['sleep', '600'], stopTimeout: 0 }
const sleeping: FixtureOptions = { image, ...asleep }
const CHANGE =
  'rm /data/gone; rm -r /home; mkdir /home; echo 1 > /data/new; chmod 4711 /data/new; ln /data/new /data/hard; ln -s new /data/soft'
const LOOK = `ls /data /home; stat -c '%a %h' /data/new; readlink /data/soft; echo $FROM`
const SEEN = '/data:\nhard\nnew\nsoft\ntop\n\n/home:\n4711 2\nnew\nimage'

describe.each(drivers)('with $storage', ({ storage, missing }) => {
  test.skipIf(missing)(
    'a snapshot has what was there, again and again, and the container can still be read',
    async () => {
      await using session = await Session.start()
      await using container = await withContainer({ ...sleeping, session, storage })
      await shell(container, CHANGE)
      const first = await container.snapshot()
      expect((await container.readFile('/data/new')).toString()).toBe('1\n')
      await container.copyIn({ content: '2', target: '/data/later' })
      const second = await container.snapshot()
      expect((await container.readFile('/data/later')).toString()).toBe('2')
      if (storage === 'overlay') expect(await container.diff()).toEqual([])
      for (const [snapshot, later] of [
        [first, ''],
        [second, '2'],
      ] as const) {
        await using clone = await withContainer({ ...sleeping, session, image: snapshot })
        expect(await shell(clone, LOOK)).toBe(later ? SEEN.replace('new\nsoft', 'later\nnew\nsoft') : SEEN)
      }
    },
  )
})

test('two clones at once do not see what the other writes, nor does a third', async () => {
  await using session = await Session.start()
  const snapshot = await withContainer({ ...sleeping, session }, async (container) => {
    await shell(container, 'echo seed > /data/seed')
    return await container.snapshot()
  })
  const clone = (): Promise<string> =>
    withContainer({ ...sleeping, session, image: snapshot }, (own) =>
      shell(own, 'cat /data/seed; echo mine >> /data/seed; rm /data/top; sleep 0.2; cat /data/seed; ls /data'),
    )
  const seen = await Promise.all([clone(), clone()])
  expect(new Set([...seen, await clone()])).toEqual(new Set(['seed\nseed\nmine\ngone\nseed']))
  // And one of a clone.
  const again = await withContainer({ ...sleeping, session, image: snapshot }, async (own) => {
    await shell(own, 'echo 2 > /data/two')
    return await own.snapshot()
  })
  expect(again.layers.length).toBe(snapshot.layers.length + 1)
  await withContainer({ ...sleeping, session, image: again }, async (own) => {
    expect(await shell(own, 'cat /data/seed /data/two')).toBe('seed\n2')
  })
})

test('disposing it removes it, and the end of its session all of them', async () => {
  const session = await Session.start()
  const make = () =>
    withContainer({ ...sleeping, session }, async (container) => {
      await shell(
        container,
        `mkdir -m 700 /private; touch /private/x; ${isSingleId ? 'true' : 'chown -R 1000 /private'}`,
      )
      return await container.snapshot()
    })
  const [first, second] = [await make(), await make()]
  const directory = join(session.directory, 'snapshots')
  expect(readdirSync(directory).length).toBe(2)
  await first[Symbol.asyncDispose]()
  expect(readdirSync(directory).length).toBe(1)
  expect(await errorOf(withContainer({ ...sleeping, session, image: first }))).toMatchObject({
    code: 'ERR_IMAGE_NOT_FOUND',
  })
  await session[Symbol.asyncDispose]()
  expect(existsSync(directory)).toBe(false)
  await second[Symbol.asyncDispose]()
})

test('a plain root directory and layers with marks in files can be its base', async () => {
  await using session = await Session.start()
  const snapshot = await withContainer({ session, image: { rootfs: base.path }, ...asleep }, async (own) => {
    await shell(own, 'rm /data/gone; echo x > /data/x')
    return await own.snapshot()
  })
  await withContainer({ session, image: snapshot, ...asleep }, async (own) => {
    expect(await shell(own, 'ls /data')).toBe('x')
  })
  const marked = localImage(
    [base.path, tinyLayer(parent).write('data/.wh..wh..opq', '').write('data/x', 'x').path],
    {},
    { markedByFiles: true },
  )
  const again = await withContainer({ ...sleeping, session, image: marked }, async (own) => {
    await shell(own, 'echo y > /data/y')
    return await own.snapshot()
  })
  await withContainer({ ...sleeping, session, image: again }, async (own) => {
    expect(await shell(own, 'ls /data')).toBe('x\ny')
  })
})

test('the host image has nothing that a snapshot could keep', async () => {
  await withContainer({ ...asleep }, async (host) => {
    expect(await errorOf(host.snapshot())).toMatchObject({ code: 'ERR_NOT_RUNNING' })
  })
})

describe('of postgres', () => {
  testRegistry()
  const account = isSingleId ? { user: 'postgres' } : {}
  const options: FixtureOptions = {
    ...{
      image: 'postgres:15',
      ports: 'exposed',
      env: { POSTGRES_PASSWORD: 'secret' },
      startTimeout: 90_000,
      ...account,
    },
    wait: { all: [{ log: 'ready to accept connections', times: 2 }, { port: 5432 }] },
  }
  const sql = (text: string): string => `psql -U postgres -h 127.0.0.1 -Atc "${text}"`

  test('the data of its declared volume is in it, and its layers stay while it lives', async () => {
    await using session = await Session.start()
    const store = ImageStore.of(session, process.env)
    const snapshot = await withContainer({ ...options, session }, async (database) => {
      await shell(database, sql('create table t as select 42 as x'))
      return await database.snapshot()
    })
    // It is no container, and yet it needs the image.
    expect(await errorOf(store.removeImage('postgres:15'))).toMatchObject({ code: 'ERR_IN_USE' })
    const clone = { ...options, session, image: snapshot, wait: { port: 5432 } } as const
    await using one = await withContainer(clone)
    await using two = await withContainer(clone)
    await shell(one, sql('insert into t values (1)'))
    expect(await shell(two, sql('select count(*) from t'))).toBe('1')
    expect(await shell(one, sql('select sum(x) from t'))).toBe('43')
    await one[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
    await snapshot[Symbol.asyncDispose]()
    await store.removeImage('postgres:15')
    await removeByKeeper(session, join(parent, 'store', 'layers'))
  }, 120_000)
})
