import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withContainer, type Container } from '../../../src/index.ts'
import { defaultSession } from '../../../src/rootless/default-session.ts'
import type { KeeperProcess } from '../../../src/rootless/keeper-client.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import { checkLeftovers, isSingleId, shell } from '../../support/containers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()

async function visit(container: Container, plan: Plan): Promise<KeeperProcess> {
  const { client } = await defaultSession()
  const target = (await client.list()).find(({ id }) => id === container.id)?.handle ?? 0
  return await client.spawn({ kind: 'visitor', attached: true, target, plan })
}

/** A visitor that stays: it waits for a mount that nobody makes. */
const staying = (): Plan => new Plan().waitMount('/nowhere', 1, 60_000)

async function sleeper(rootfs: string): Promise<Container> {
  return await withContainer({ image: { rootfs }, command: ['sleep', '60'], tmpfs: ['/scratch'] })
}

test('a visitor sees a mount of the container, and not the host', async () => {
  using root = tinyRoot()
  await using container = await sleeper(root.path)
  const owner = isSingleId ? 0 : 5
  await visit(
    container,
    new Plan().mkdir('/scratch/a', 0o700, 0, 0).writeFile('/scratch/a/file', 0o640, owner, 0, 'from outside'),
  )
  expect(await shell(container, 'cat /scratch/a/file; stat -c " %a %u %g" /scratch/a/file')).toBe(
    `from outside 640 ${owner} 0`,
  )
  await expect(visit(container, new Plan().chdir(process.cwd()))).rejects.toMatchObject({ errnoName: 'ENOENT' })
  await shell(container, 'ln -s /scratch/link-target /scratch/link')
  await visit(container, new Plan().writeFile('/scratch/link', 0o644, 0, 0, 'through a link'))
  expect(await shell(container, 'cat /scratch/link-target')).toBe('through a link')
})

test('a visitor executes nothing, and reaches nothing of the host', async () => {
  using root = tinyRoot()
  await using container = await sleeper(root.path)
  expect(container.exit).toBeUndefined()
  for (const plan of [
    new Plan().exec(['/bin/sh'], [], 0),
    new Plan().hostExec(['/bin/sh'], []),
    new Plan().hostRemove('/scratch'),
    new Plan().hostRename('/scratch', '/other', 0),
    new Plan().lock('/scratch/lock', 0),
  ]) {
    await expect(visit(container, plan)).rejects.toThrow(/executes nothing|out of reach/)
  }
})

test('the container neither sees a visitor nor can signal it', async () => {
  using root = tinyRoot()
  await using container = await sleeper(root.path)
  const before = await shell(container, 'ps -o pid,comm')
  const visitor = await begin(visit(container, staying()))
  expect((await shell(container, 'ps -o pid,comm')).split('\n').length).toBe(before.split('\n').length)
  await shell(container, 'kill -9 -1; true')
  await delay(50)
  expect(visitor.isOver()).toBe(false)
  await container[Symbol.asyncDispose]()
  await visitor.promise.catch(() => undefined)
})

test('a visitor ends with its container, whose removal it does not hold up', async () => {
  using root = tinyRoot()
  const container = await sleeper(root.path)
  const visitor = await begin(visit(container, staying()))
  await delay(50)
  expect(visitor.isOver()).toBe(false)
  const began = performance.now()
  await container[Symbol.asyncDispose]()
  await visitor.promise.catch(() => undefined)
  expect(performance.now() - began).toBeLessThan(2000)
})

test('there is no visiting what does not run, and a paused container may be visited', async () => {
  using root = tinyRoot()
  await using container = await sleeper(root.path)
  await container.pause()
  await visit(container, new Plan().writeFile('/scratch/file', 0o644, 0, 0, 'paused'))
  await container.resume()
  expect(await shell(container, 'cat /scratch/file')).toBe('paused')
  await container.stop({ timeout: 1 })
  await expect(visit(container, new Plan())).rejects.toMatchObject({ errnoName: 'ESRCH', what: 'spawn' })
})

interface Begun {
  readonly promise: Promise<unknown>
  isOver(): boolean
}

// Async, so that the visitor is asked for before whatever follows.
async function begin(promise: Promise<unknown>): Promise<Begun> {
  let over = false
  const note = (): void => {
    over = true
  }
  promise.then(note, note)
  await delay(30)
  return { promise, isOver: () => over }
}
