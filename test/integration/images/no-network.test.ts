import { afterAll, beforeAll, expect, test } from 'vitest'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { errorOf } from '../../support/containers.ts'
import { imageOf } from '../../support/image-registry.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { PullBench } from '../../support/pull-bench.ts'
import { cannotRunScripts, runScript } from '../../support/scripts.ts'
import { tarArchive, tarFile } from '../../support/tar-builder.ts'

const left = watchLeftovers()
const built = new URL('../../../dist/src/', import.meta.url)
let bench: PullBench

beforeAll(async () => {
  bench = await PullBench.start()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await left.assertNone()
})

/** A port of loopback at which nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

test('without a network the error lists what is missing and what was tried, and how to do without', async () => {
  const [mirror, proxy] = [await closedPort(), await closedPort()]
  const env = { AIRPLANT_REGISTRY_MIRROR: `docker.io=http://${mirror}`, HTTPS_PROXY: `http://${proxy}` }
  const to = bench.fresh(env)
  const error = await errorOf(to.ensure('postgres:17'))
  const image = 'docker.io/library/postgres:17'
  expect(error).toMatchObject({ code: 'ERR_REGISTRY_UNREACHABLE', phase: 'pull', image })
  const [message = '', hint = ''] = error.message.split('\n')
  expect(message).toMatch(/^Cannot pull "docker\.io\/library\/postgres:17": /)
  expect(message).toContain(`http://${mirror}: it refuses connections`)
  expect(message).toContain('https://registry-1.docker.io: ')
  expect(hint).toMatch(/AIRPLANT_REGISTRY_MIRROR.*archive/)
  expect(to.temporary()).toEqual([])
})

test('in a network namespace of its own, where no name is found', async ({ skip }) => {
  if (cannotRunScripts) skip(cannotRunScripts)
  const to = bench.fresh()
  const { stdout, stderr } = await runScript(
    `
    const { ensureImage } = await import(${JSON.stringify(new URL('images/pull.js', built).href)})
    const { Session } = await import(${JSON.stringify(new URL('rootless/session.js', built).href)})
    const session = await Session.start()
    await ensureImage('registry.example.org/team/app:1', { session, env: process.env }).catch((error) => {
      console.log(JSON.stringify({ ...error, message: error.message }))
    })
    await session[Symbol.asyncDispose]()`,
    { env: { ...to.env, AIRPLANT_IDS: 'single' }, prefix: ['unshare', process.getuid?.() === 0 ? '-n' : '-Urn'] },
  )
  expect(stderr).toBe('')
  const error = JSON.parse(stdout) as Record<string, string>
  expect(error).toMatchObject({ code: 'ERR_REGISTRY_UNREACHABLE', image: 'registry.example.org/team/app:1' })
  expect(error['message']).toMatch(/https:\/\/registry\.example\.org: it has a name that is not found/)
  expect(error['hint']).toMatch(/AIRPLANT_REGISTRY_MIRROR.*archive/)
})

test('what is in the store needs no network', async () => {
  const name = bench.registry.serve('offline/app:1', imageOf([tarArchive(tarFile('file'))]))
  const to = bench.fresh()
  const { id } = await to.pull(name)
  bench.registry.intervene = (request) => {
    request.socket.destroy()
    return true
  }
  for (const pull of ['missing', 'never', { newerThan: 3_600_000 }] as const) {
    expect((await to.ensure(name, { pull })).id).toBe(id)
  }
  bench.registry.intervene = undefined
})
