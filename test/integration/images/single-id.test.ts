import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LocalImage } from '../../../src/images/image.ts'
import { FileWorker } from '../../../src/rootless/files/file-worker.ts'
import { Session } from '../../../src/rootless/session.ts'
import { isSingleId } from '../../support/containers.ts'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench, PullStore } from '../../support/pull-bench.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: PullBench

beforeAll(async () => {
  bench = await PullBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

/** Owner and mode of a file as its session sees them. */
async function ownerOf(session: Session, image: LocalImage): Promise<{ uid: number; gid: number; mode: number }> {
  await using worker = await FileWorker.start(session, { kind: 'directory', path: image.layers[0]!.directory })
  const channel = await worker.connect()
  const { uid, gid, mode } = (await channel.stat('owned', { follow: false }))!
  channel.close()
  return { uid, gid, mode: mode & 0o7777 }
}

test('one store serves both mappings of IDs, and the registry is asked once', async ({ skip }) => {
  if (isSingleId) skip('both mappings are needed')
  if (process.getuid?.() === 0) skip('real root has all IDs')
  const owned = tarFile('owned', 'x', { uid: 999, gid: 998, mode: 0o4750 })
  const name = bench.registry.serve('ids/app:1', imageOf([tarArchive(owned), tarArchive(tarFile('other'))]))
  const before = process.env['AIRPLANT_IDS']
  process.env['AIRPLANT_IDS'] = 'single'
  const single = await Session.start()
  if (before === undefined) delete process.env['AIRPLANT_IDS']
  else process.env['AIRPLANT_IDS'] = before
  await using _ = single
  expect(single.mapping.method).toBe('single')

  const many = bench.fresh()
  const one = new PullStore(single, many.env)
  const flattened = await one.ensure(name)
  expect(await ownerOf(single, flattened)).toEqual({ uid: 0, gid: 0, mode: 0o755 & 0o750 })
  expect(lstatSync(join(flattened.layers[0]!.directory, 'owned')).uid).toBe(process.getuid!())

  const asked = bench.registry.requests.length
  const whole = await many.ensure(name, { pull: 'never' })
  expect(bench.registry.requests).toHaveLength(asked)
  expect(whole.id).toBe(flattened.id)
  expect(whole.layers[0]!.directory).not.toBe(flattened.layers[0]!.directory)
  expect(await ownerOf(many.session, whole)).toEqual({ uid: 999, gid: 998, mode: 0o4750 })

  // A layer that is gone is unpacked again by itself, and a blob that is gone fetched.
  await many.store.layers.remove(whole.layers[0]!.key)
  expect((await many.ensure(name, { pull: 'never' })).id).toBe(whole.id)
  await many.store.layers.remove(whole.layers[1]!.key)
  const { manifest } = many.store.lookup(name)!
  many.store.blobs.remove(manifest!.layers[1]!.digest)
  expect((await many.ensure(name)).layers).toHaveLength(2)
  expect(bench.registry.asked.at(-1)).toContain(manifest!.layers[1]!.digest)
})
