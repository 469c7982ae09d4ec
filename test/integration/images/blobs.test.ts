import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { BlobStore } from '../../../src/images/store/blob-store.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { Session } from '../../../src/rootless/session.ts'
import { errorOf } from '../../support/containers.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { digestOf, streamOf } from '../../support/stored-image.ts'

const left = watchLeftovers()
const bytes = randomBytes(3_000_000)
const descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length }
let session: Session
let home: string
let blobs: BlobStore

beforeAll(async () => {
  session = await Session.start()
})
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'airplant-home-'))
  blobs = ImageStore.of(session, { AIRPLANT_HOME: home }).blobs
})
afterEach(() => rmSync(home, { recursive: true }))
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await left.assertNone()
})

function partials(): string[] {
  return readdirSync(join(home, 'tmp'))
}

async function* cut(source: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* streamOf(source, 50_000)
  throw new Error('The connection was cut')
}

test('a blob is written once, and told on the way', async () => {
  const progress: number[] = []
  const onProgress = (done: number): void => void progress.push(done)
  const [first, second] = await Promise.all([
    blobs.write(descriptor, () => streamOf(bytes, 64_000), { onProgress }),
    blobs.write(descriptor, () => streamOf(bytes, 64_000)),
  ])
  expect(first.transferred + second.transferred).toBe(bytes.length)
  expect(readFileSync(blobs.path(descriptor.digest)).equals(bytes)).toBe(true)
  expect(progress.at(-1) ?? bytes.length).toBe(bytes.length)
  const neverOpened = (): never => {
    throw new Error('It was opened')
  }
  expect(await blobs.write(descriptor, neverOpened)).toEqual({ transferred: 0 })
  expect(partials()).toEqual([])
})

test('a cut stream is continued where it ended, at any byte', async () => {
  for (const at of [0, 1, 999_999, 1_048_576, 2_999_999]) {
    await expect(blobs.write(descriptor, () => cut(bytes.subarray(0, at)))).rejects.toThrow('was cut')
    expect(blobs.has(descriptor.digest)).toBe(false)
    const offsets: number[] = []
    await blobs.write(descriptor, (offset) => {
      offsets.push(offset)
      return streamOf(bytes.subarray(offset), 100_000)
    })
    expect(offsets).toEqual([at])
    expect(await blobs.check(descriptor.digest)).toBe(true)
    blobs.remove(descriptor.digest)
  }
  expect(partials()).toEqual([])
})

test('a beginning that was damaged is fetched again', async () => {
  await expect(blobs.write(descriptor, () => cut(bytes.subarray(0, 1000)))).rejects.toThrow('was cut')
  writeFileSync(join(home, 'tmp', partials()[0]!), Buffer.alloc(1000))
  const offsets: number[] = []
  await blobs.write(descriptor, (offset) => {
    offsets.push(offset)
    return streamOf(bytes.subarray(offset), 100_000)
  })
  expect(offsets).toEqual([1000, 0])
})

test('what is not what it should be is refused, and nothing kept', async () => {
  const wrong = Buffer.from(bytes)
  wrong[wrong.length - 1]! ^= 1
  const inputs = [wrong, bytes.subarray(1), Buffer.concat([bytes, Buffer.from('x')]), Buffer.alloc(0)]
  for (const input of inputs) {
    expect(await errorOf(blobs.write(descriptor, () => streamOf(input, 100_000)))).toMatchObject({
      code: 'ERR_DIGEST_MISMATCH',
    })
    expect(partials()).toEqual([])
  }
  expect(await errorOf(blobs.put(descriptor.digest, Buffer.from('x')))).toMatchObject({ code: 'ERR_DIGEST_MISMATCH' })
  expect(blobs.list()).toEqual([])
})

test('endless streams are not read to their end', async () => {
  let pieces = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pieces++
      await Promise.resolve()
      yield bytes
    }
  }
  expect(await errorOf(blobs.write(descriptor, () => endless()))).toMatchObject({ code: 'ERR_DIGEST_MISMATCH' })
  expect(pieces).toBeLessThan(4)
})

test('sha512 is known too, and a digest is no path', async () => {
  const digest = `sha512:${createHash('sha512').update(bytes).digest('hex')}`
  await blobs.write({ ...descriptor, digest }, () => streamOf(bytes, 1_000_000))
  expect(blobs.list()).toEqual([{ digest, size: bytes.length }])
  for (const bad of ['sha256:../../../etc/passwd', `sha256:${'g'.repeat(64)}`, 'md5:00', '../x']) {
    expect(() => blobs.path(bad)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_REFERENCE' }))
  }
})

test('beginnings are kept for a day, unless space is asked for', async () => {
  await expect(blobs.write(descriptor, () => cut(bytes.subarray(0, 1000)))).rejects.toThrow('was cut')
  expect(await blobs.removePartials({ all: false })).toBe(0)
  const path = join(home, 'tmp', partials()[0]!)
  utimesSync(path, 0, 0)
  expect(await blobs.removePartials({ all: false })).toBe(1000)
  await expect(blobs.write(descriptor, () => cut(bytes.subarray(0, 1000)))).rejects.toThrow('was cut')
  const store = ImageStore.of(session, { AIRPLANT_HOME: home })
  expect((await store.diskUsage()).garbage).toEqual({ count: 1, bytes: 1000 })
  expect(await store.prune()).toMatchObject({ bytes: 1000 })
  expect(existsSync(path)).toBe(false)
})
