import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pushImage } from '../../../src/images/push-image.ts'
import type { ProgressEvent } from '../../../src/images/progress.ts'
import { errorOf } from '../../support/containers.ts'
import { startHostileRegistry } from '../../support/hostile-registry.ts'
import { giveTo } from '../../support/give-to.ts'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench, type PullStore } from '../../support/pull-bench.ts'
import { registryAccount, startRegistry, type TestRegistry } from '../../support/registry.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
let bench: PullBench
let registry: TestRegistry

beforeAll(async () => {
  bench = await PullBench.start()
  registry = await startRegistry()
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

const archives = ['lower', 'upper'].map((name) => tarArchive(tarFile(name, name)))

/** A store with an image that was pulled; what is pushed from it is told in `events`. */
async function pulled(
  kind: 'docker' | 'oci' = 'oci',
): Promise<{ to: PullStore; name: string; events: ProgressEvent[] }> {
  const to = bench.fresh()
  const name = bench.registry.serve(`push/${kind}:1`, imageOf(archives, { kind, config: { Cmd: [kind] } }))
  await to.pull(name)
  return { to, name, events: [] }
}

function push(
  to: PullStore,
  name: string,
  destination: string,
  events: ProgressEvent[] = [],
): Promise<{ digest: string }> {
  const { session, env } = to
  return pushImage(name, { session, env, destination, onProgress: (event) => void events.push(event) })
}

function states(events: readonly ProgressEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'layer' && event.state !== 'uploading' ? [event.state] : []))
}

describe.each(['docker', 'oci'] as const)('an image of %s media types', (kind) => {
  test('is pushed, pulled back the same, and skopeo copies it out', async () => {
    const { to, name, events } = await pulled(kind)
    const destination = `${registry.host}/team/${kind}:1`
    const { digest } = await push(to, name, destination, events)
    const image = await to.store.find(name)
    expect(digest).toBe(image!.digest)
    expect(states(events)).toEqual(['done', 'done', 'done'])
    const bytes = events.reduce(
      (sum, event) => sum + (event.kind === 'layer' && event.state === 'done' ? event.total : 0),
      0,
    )
    expect(events.at(-1)).toMatchObject({
      kind: 'done',
      reference: destination,
      digest,
      id: image!.id,
      changed: true,
      bytes,
    })
    const back = await bench.fresh().pull(`${destination}@${digest}`)
    expect(back).toMatchObject({ id: image!.id, digest, config: { cmd: [kind] } })
    expect(readFileSync(join(back.layers[1]!.directory, 'upper'), 'utf8')).toBe('upper')
    const copy = join(to.home, '..', `copied-${kind}`)
    execFileSync('skopeo', [
      '--insecure-policy',
      'copy',
      '-q',
      '--src-tls-verify=false',
      '--src-no-creds',
      `docker://${destination}`,
      `dir:${copy}`,
    ])
    expect(readFileSync(join(copy, 'manifest.json'))).toEqual(to.store.manifestBytes(to.store.lookup(name)!))
  })

  test('is not sent again, and mounted from a repository that has it', async () => {
    const { to, name } = await pulled(kind)
    const first = `${registry.host}/mounts/${kind}-a:1`
    await push(to, name, first)
    const again: ProgressEvent[] = []
    await push(to, name, first, again)
    expect(states(again)).toEqual(['exists', 'exists', 'exists'])
    expect(again.at(-1)).toMatchObject({ kind: 'done', changed: false, bytes: 0 })
    // The store has to know that it came from there.
    await to.store.name(name, first)
    const mounted: ProgressEvent[] = []
    await push(to, name, `${registry.host}/mounts/${kind}-b:1`, mounted)
    expect(states(mounted)).toEqual(['exists', 'exists', 'exists'])
    expect((await bench.fresh().pull(`${registry.host}/mounts/${kind}-b:1`)).id).toBe((await to.store.find(name))!.id)
  })
})

test('a snapshot gets its blobs when it is pushed, and keeps its names', async () => {
  const { to, name } = await pulled()
  const base = (await to.store.find(name))!
  const upper = join(to.home, 'containers', 'upper')
  mkdirSync(upper, { mode: 0o755 })
  writeFileSync(join(upper, 'added'), 'by a container')
  giveTo(to.session, upper)
  const destination = `${registry.host}/team/snapshot:1`
  const snapshot = await to.store.publishSnapshot({ upper, base, reference: destination })
  expect(snapshot.digest).toBeUndefined()
  const events: ProgressEvent[] = []
  const { digest } = await push(to, destination, destination, events)
  const back = await bench.fresh().pull(destination)
  expect(back.digest).toBe(digest)
  expect(back.layers).toHaveLength(3)
  expect(readFileSync(join(back.layers[2]!.directory, 'added'), 'utf8')).toBe('by a container')
  expect((await to.ensure(destination, { pull: 'never' })).id).toBe(back.id)
  expect(await to.store.verify()).toEqual([])
})

describe('a push is refused', () => {
  test('of what is not in the store, to a digest, and of what may not be distributed', async () => {
    const { to, name } = await pulled()
    const missing = await errorOf(push(to, 'not/there:1', `${registry.host}/x:1`))
    expect(missing).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', image: 'not/there:1' })
    const digest = `${registry.host}/x@sha256:${'0'.repeat(64)}`
    expect(await errorOf(push(to, name, digest))).toMatchObject({
      code: 'ERR_INVALID_REFERENCE',
      phase: 'push',
      image: digest,
    })
  })

  test('when blobs of the image are gone', async () => {
    const { to, name } = await pulled()
    const { manifest } = to.store.lookup(name)!
    to.store.blobs.remove(manifest!.layers[0]!.digest)
    const error = await errorOf(push(to, name, `${registry.host}/gone/app:1`))
    expect(error).toMatchObject({ code: 'ERR_STORE', phase: 'push', detail: manifest!.layers[0]!.digest })
    expect(error.hint).toContain('Pull')
  })

  test('by a registry that wants a login, and taken with one', async () => {
    await using locked = await startRegistry({ auth: true })
    const { to, name } = await pulled()
    const destination = `${locked.host}/team/app:1`
    const error = await errorOf(push(to, name, destination))
    expect(error).toMatchObject({ code: 'ERR_REGISTRY_AUTH', phase: 'push', image: destination })
    expect(error.hint).toContain(`airplant login ${locked.host}`)
    const { username, password } = registryAccount
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [locked.host]: { auth } } }) }
    const { session } = to
    await pushImage(name, { session, env: { ...to.env, ...env }, destination })
    expect(await errorOf(bench.fresh().pull(destination))).toMatchObject({ code: 'ERR_REGISTRY_AUTH', phase: 'pull' })
    const wrong = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [locked.host]: { auth: btoa('tester:wrong') } } }) }
    expect(await errorOf(bench.fresh(wrong).pull(destination))).toMatchObject({ code: 'ERR_REGISTRY_AUTH' })
    expect((await bench.fresh(env).pull(destination)).id).toBe((await to.store.find(name))!.id)
  })

  test('by one that fails, and ended by an abort', async () => {
    await using failing = await startHostileRegistry((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 404 : 403).end()
    })
    const { to, name } = await pulled()
    const refused = await errorOf(push(to, name, `${failing.host}/x/y:1`))
    expect(refused).toMatchObject({ code: 'ERR_REGISTRY_AUTH', phase: 'push', image: `${failing.host}/x/y:1` })
    await using silent = await startHostileRegistry(() => undefined)
    const controller = new AbortController()
    const { session, env } = to
    const onProgress = (): void => controller.abort(new Error('Enough'))
    const options = { session, env, destination: `${silent.host}/x/y:1`, signal: controller.signal, onProgress }
    const error = await errorOf(pushImage(name, options))
    expect(error).toMatchObject({ code: 'ERR_ABORTED', phase: 'push', cause: { message: 'Enough' } })
    expect(error.message).toMatch(/^Cannot push ".*": it was aborted\n/)
  })
})
