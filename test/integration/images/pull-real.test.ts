import { afterAll, beforeAll, expect, test } from 'vitest'
import { createContainer } from '../../../src/containers/create-container.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench } from '../../support/pull-bench.ts'
import { testRegistry } from '../../support/test-images.ts'

const left = watchLeftovers()
const registry = testRegistry()
let bench: PullBench

beforeAll(async () => {
  bench = await PullBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

test('plain names come through the mirror, of all kinds, share their base, and run', { timeout: 60_000 }, async () => {
  const to = bench.fresh({ AIRPLANT_REGISTRY_MIRROR: `docker.io=http://${registry.host}` })
  const run = async (image: string, command: readonly string[]): Promise<string> => {
    const around = { session: bench.session, env: to.env, cwd: '/', began: performance.now() }
    await using container = await createContainer({ image, entrypoint: [], command: [...command] }, around)
    await container.wait()
    return (await container.logs()).output
  }
  // An index, an OCI manifest with a zstd layer, and one without Debian in it.
  expect(await run('debian:12', ['cat', '/etc/debian_version'])).toMatch(/^12/)
  expect(await run('nginx:1', ['nginx', '-v'])).toMatch(/nginx version/)
  expect(await run('busybox:1', ['busybox', 'echo', 'hello'])).toBe('hello\n')
  const images = await Promise.all(['debian:12', 'nginx:1'].map((name) => to.ensure(name, { pull: 'never' })))
  expect(new Set(images.map(({ layers }) => layers[0]!.directory)).size).toBe(1)
  expect(await to.store.verify()).toEqual([])
})
