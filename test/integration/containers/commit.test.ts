import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, FixtureOptions, LocalImage } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { AttachedContainer } from '../../../src/containers/attached-container.ts'
import { findContainer } from '../../../src/containers/find-container.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { removeByKeeper } from '../../../src/rootless/host-files.ts'
import { checkLeftovers, errorOf, outputOf, shell } from '../../support/containers.ts'
import { drivers } from '../../support/drivers.ts'
import { testRegistry } from '../../support/test-images.ts'

const parent = mkdtempSync(join(tmpdir(), 'airplant-commit-'))
const outer = process.env['AIRPLANT_HOME']
process.env['AIRPLANT_HOME'] = join(parent, 'store')
checkLeftovers()
const registry = testRegistry()
let session: Session
let store: ImageStore

beforeAll(async () => {
  session = await Session.start()
  store = ImageStore.of(session, process.env)
})
afterAll(async () => {
  await removeByKeeper(session, join(parent, 'store'))
  await session[Symbol.asyncDispose]()
  if (outer === undefined) delete process.env['AIRPLANT_HOME']
  else process.env['AIRPLANT_HOME'] = outer
  rmSync(parent, { recursive: true })
})

const options = (more: FixtureOptions = {}): FixtureOptions => ({
  ...{ session, image: 'busybox', command: ['sleep', '600'], stopTimeout: 0, ...more },
})
const CHANGE =
  'mkdir -p /data/sub; echo 1 > /data/new; ln /data/new /data/sub/hard; rm -r /var; mkdir /var; touch /var/own; chmod 4711 /data/new; rm /bin/vi'
const LOOK = "ls /data /var; stat -c '%a %h' /data/new; ls /bin/vi 2>/dev/null"
const SEEN = '/data:\nnew\nsub\n\n/var:\nown\n4711 2'
const look = (image: FixtureOptions['image'], script = LOOK): Promise<string> =>
  outputOf(script, { session, ...(image !== undefined && { image }) })

describe.each(drivers)('with $storage', ({ storage, missing }) => {
  test.skipIf(missing)(
    'an image has what the container changed, running and stopped, and one of its container too',
    async () => {
      await using container = await withContainer(options({ storage }))
      await shell(container, CHANGE)
      const running = await container.commit({ reference: `commits:${storage}-running` })
      expect(await look(`commits:${storage}-running`)).toBe(SEEN)
      // It was paused, and goes on.
      expect(await shell(container, 'echo 2 > /data/two; cat /data/two')).toBe('2')
      await container.stop()
      const stopped = await container.commit({ reference: `commits:${storage}` })
      expect(stopped.id).not.toBe(running.id)
      expect(await look(stopped)).toBe(SEEN.replace('sub\n', 'sub\ntwo\n'))
      expect((await container.readFile('/data/two')).toString()).toBe('2\n')
      await container.copyIn({ content: '3', target: '/data/three' })
      const again = await container.commit()
      expect(await look(again, 'ls /data')).toBe('new\nsub\nthree\ntwo')
      expect(await look(stopped, 'ls /data')).toBe('new\nsub\ntwo')
      const ofIt = await withContainer(options({ image: again, storage }), async (child) => {
        await shell(child, 'rm -r /data; mkdir /data; touch /data/child')
        await child.stop()
        return await child.commit({ reference: `commits:child-${storage}` })
      })
      expect(await look(ofIt, 'ls /data /var')).toBe('/data:\nchild\n\n/var:\nown')
      const found = await store.find(`commits:child-${storage}`)
      expect(found).toMatchObject({ id: ofIt.id, config: { cmd: ['sh'] } })
      for (const name of [`child-${storage}`, `${storage}-running`]) await store.removeImage(`commits:${name}`)
    },
  )
})

test('says in its configuration what was asked for, and in its history who did it', async () => {
  await using container = await withContainer(options())
  await shell(container, 'echo x > /x')
  const changes = [
    ...[
      'ENV A=1 B="two words"',
      'CMD ["cat", "/x"]',
      'LABEL l=v',
      'WORKDIR /data',
      'USER 1000',
      'EXPOSE 80',
      'VOLUME /v',
    ],
    ...['STOPSIGNAL SIGINT', 'HEALTHCHECK CMD true'],
  ]
  const image = await container.commit({ changes, author: 'A Person', message: 'Why' })
  expect(image.config).toMatchObject({
    ...{ author: 'A Person', cmd: ['cat', '/x'], labels: { l: 'v' }, workdir: '/data', user: '1000', volumes: ['/v'] },
    ...{ exposedPorts: ['80/tcp'], stopSignal: 'SIGINT', healthcheck: { command: ['/bin/sh', '-c', 'true'] } },
  })
  expect(image.config.env).toEqual(expect.arrayContaining(['A=1', 'B=two words']))
  const { history } = image.config
  expect(history.at(-1)).toMatchObject({
    author: 'A Person',
    comment: 'Why',
    createdBy: `airplant commit ${container.id}`,
  })
  expect(image.layers.length).toBe(2)
  // An entrypoint takes away the arguments that were meant for another program.
  const entry = await container.commit({ changes: ['ENTRYPOINT ["echo"]'] })
  expect(entry.config).toMatchObject({ entrypoint: ['echo'], cmd: [] })
})

test('refuses what it cannot do before it does anything', async () => {
  await using container = await withContainer(options())
  const code = async (wanted: object): Promise<string> => (await errorOf(container.commit(wanted))).code
  expect(await code({ reference: 'No Reference' })).toBe('ERR_INVALID_REFERENCE')
  expect(await code({ changes: ['RUN rm -rf /'] })).toBe('ERR_INVALID_OPTION')
  expect(await code({ changes: ['CMD ['] })).toMatch(/^ERR_INVALID_OPTION$/)
  expect(await shell(container, 'echo alive')).toBe('alive')
})

test('takes a name from another image, and keeps its layers while the container needs them', async () => {
  await using container = await withContainer(options())
  await shell(container, 'echo kept > /kept')
  await container.stop()
  const first = await container.commit({ reference: 'taken:1' })
  const second = await container.commit({ reference: 'taken:1' })
  expect((await store.find('taken:1'))?.id).toBe(second.id)
  await store.removeImage('taken:1', { force: true }).catch(() => undefined)
  await store.prune()
  expect((await container.readFile('/kept')).toString()).toBe('kept\n')
  expect(first.layers.length).toBe(2)
})

test('takes as long for 300 MB as for 1 MB when the container has stopped', async () => {
  const time = async (megabytes: number): Promise<number> => {
    const taken = await withContainer(options(), async (container) => {
      await shell(container, `dd if=/dev/zero of=/data bs=1M count=${megabytes} 2>/dev/null`)
      await container.stop()
      const began = performance.now()
      await container.commit({ reference: `sized:${megabytes}` })
      return performance.now() - began
    })
    await store.removeImage(`sized:${megabytes}`)
    return taken
  }
  const small = Math.min(await time(1), await time(1), await time(1))
  const large = Math.min(await time(300), await time(300))
  expect(large).toBeLessThan(small * 3 + 50)
}, 60_000)

describe('from another process', () => {
  const attach = async <T>(use: (other: AttachedContainer) => Promise<T>): Promise<T> => {
    await using found = await findContainer('attached', process.env)
    return await use(await AttachedContainer.open(found, process.env))
  }
  const ticks = 'i=0; while :; do i=$((i+1)); echo $i >> /ticks; echo $i >> /tocks; done'
  let container: Container
  beforeAll(async () => {
    if (registry.missing !== undefined) return
    container = await withContainer(options({ name: 'attached', command: ['sh', '-c', ticks] }))
  })
  afterAll(async () => {
    if (registry.missing === undefined) await container[Symbol.asyncDispose]()
  })

  test('a running container is paused meanwhile, although somebody else started it', async () => {
    const image = await attach((other) => other.commit())
    // Both files end at the same turn of the loop, or one turn apart, only when nothing ran while they were copied.
    const [one, two] = (await look(image, 'wc -l < /ticks; wc -l < /tocks')).split('\n').map(Number)
    expect(one! - two!).toBeGreaterThanOrEqual(0)
    expect(one! - two!).toBeLessThanOrEqual(1)
    const before = await shell(container, 'wc -l < /ticks')
    expect(Number(await shell(container, 'sleep 0.05; wc -l < /ticks'))).toBeGreaterThan(Number(before))
    await container.pause()
    await attach((other) => other.commit())
    // It stays as its owner wanted it.
    const [still] = [(await container.readFile('/ticks')).length]
    expect((await container.readFile('/ticks')).length).toBe(still)
    await container.resume()
  })

  test('of one that has stopped the layers stay with who has it', async () => {
    await container.stop()
    const image: LocalImage = await attach((other) => other.commit())
    expect(await look(image, 'test -s /ticks && echo there')).toBe('there')
    expect((await container.readFile('/ticks')).length).toBeGreaterThan(0)
    expect(await attach((other) => other.diff())).toEqual(await container.diff())
  })
})
