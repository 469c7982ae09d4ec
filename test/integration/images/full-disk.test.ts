import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorOf } from '../../support/containers.ts'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench } from '../../support/pull-bench.ts'
import { cannotRunScripts, runScript } from '../../support/scripts.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
const built = new URL('../../../dist/src/', import.meta.url)
const unshare = process.getuid?.() === 0 ? '-m' : '-Urm'
let bench: PullBench

beforeAll(async () => {
  bench = await PullBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

test('a disk that is full while pulling or unpacking is told, and has room again afterwards', async ({ skip }) => {
  const home = join(bench.path, 'disk')
  mkdirSync(home)
  chmodSync(home, 0o755)
  chmodSync(bench.path, 0o755)
  try {
    execFileSync('unshare', [unshare, 'mount', '-t', 'tmpfs', 'none', home], { stdio: 'ignore' })
  } catch {
    skip('no tmpfs can be mounted here')
  }
  if (cannotRunScripts) skip(cannotRunScripts)
  const large = imageOf([tarArchive(tarFile('base', 'base')), tarArchive(tarFile('large', randomBytes(6_000_000)))])
  const growing = imageOf([tarArchive(tarFile('zeros', Buffer.alloc(12_000_000, 'a')))])
  const small = imageOf([tarArchive(tarFile('small', randomBytes(1_000_000)))])
  const names = [large, growing, small].map((image, at) => bench.registry.serve(`full/app:${at}`, image))
  const { stdout, stderr } = await runScript(
    `
    const { pullImage } = await import(${JSON.stringify(new URL('images/pull-image.js', built).href)})
    const { ImageStore } = await import(${JSON.stringify(new URL('images/store/image-store.js', built).href)})
    const { Session } = await import(${JSON.stringify(new URL('rootless/session.js', built).href)})
    const { readdirSync } = await import('node:fs')
    const session = await Session.start()
    const store = ImageStore.of(session, process.env)
    for (const name of ${JSON.stringify(names)}) {
      const outcome = await pullImage(name, { session, env: process.env }).catch((error) => error)
      const { code, phase, image, hint } = outcome
      const left = [store.blobs.list().length, store.layers.list().length, readdirSync(store.home + '/tmp').length]
      console.log(JSON.stringify({ code, phase, image, hint, left }))
    }
    await session[Symbol.asyncDispose]()`,
    {
      prefix: ['unshare', unshare, 'sh', '-c', `mount -t tmpfs -o size=4m,mode=755 none ${home} && exec "$@"`, 'sh'],
      env: { ...bench.environment(home), AIRPLANT_IDS: 'single', NODE_NO_WARNINGS: '1' },
    },
  )
  expect(stderr).toBe('')
  const told = { code: 'ERR_DISK_FULL', hint: expect.stringContaining('AIRPLANT_HOME') as string, left: [0, 0, 0] }
  const outcomes = stdout.trim().split('\n').map((line) => JSON.parse(line) as object) // prettier-ignore
  expect(outcomes).toEqual([
    { ...told, phase: 'store', image: names[0] },
    { ...told, phase: 'unpack', image: names[1] },
    { left: [3, 1, 0] },
  ])
})

test('a store of a newer version is left alone', async () => {
  const to = bench.fresh()
  mkdirSync(to.home)
  writeFileSync(join(to.home, 'store.json'), '{"version":2}')
  const before = to.listing()
  const name = bench.registry.serve('newer/app:1', imageOf([]))
  const asked = bench.registry.requests.length
  for (const call of [() => to.pull(name), () => to.ensure(name), () => to.ensure({ tar: '/dev/null' })]) {
    const error = await errorOf(call())
    expect(error).toMatchObject({ code: 'ERR_STORE', phase: 'store', image: expect.any(String) as string })
    expect(error.message).toMatch(/version 2.*knows 1/)
    expect(error.hint).toMatch(/^Update airplant/)
  }
  expect(to.listing()).toEqual(before)
  expect(bench.registry.requests).toHaveLength(asked)
})
