import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FixtureOptions } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { removeByKeeper } from '../../../src/rootless/host-files.ts'
import { airplant } from '../../support/cli.ts'
import { checkLeftovers, errorOf, outputOf } from '../../support/containers.ts'
import { testRegistry } from '../../support/test-images.ts'

const home = mkdtempSync(join(tmpdir(), 'airplant-image-store-'))
const outer = { ...process.env }
process.env['AIRPLANT_HOME'] = join(home, 'store')
checkLeftovers()
testRegistry()
let session: Session

beforeAll(async () => {
  session = await Session.start()
})
afterAll(async () => {
  await removeByKeeper(session, join(home, 'store', 'layers'))
  await removeByKeeper(session, join(home, 'store', 'volumes'))
  await session[Symbol.asyncDispose]()
  process.env['AIRPLANT_HOME'] = outer['AIRPLANT_HOME'] ?? ''
  rmSync(home, { recursive: true })
})

const options = (more: FixtureOptions = {}): FixtureOptions => ({
  session,
  image: 'busybox',
  startTimeout: 60_000,
  ...more,
})

describe('an image of a registry', () => {
  test('is pulled once, and then needs no network, by any of its names', async () => {
    expect(await outputOf('echo $0 hello', options())).toBe('sh hello')
    const offline = await Session.start()
    const mirror = process.env['AIRPLANT_REGISTRY_MIRROR']
    process.env['AIRPLANT_REGISTRY_MIRROR'] = 'docker.io=http://127.0.0.1:9'
    try {
      const { id, digest } = (await ImageStore.of(offline, process.env).find('busybox'))!
      for (const image of ['busybox:latest', 'docker.io/library/busybox', `busybox@${digest}`, id, id.slice(7, 19)]) {
        expect(await outputOf('echo ok', options({ session: offline, image, pull: 'never' })), image).toBe('ok')
      }
      const error = await errorOf(withContainer(options({ session: offline, pull: 'always' })))
      expect(error).toMatchObject({ phase: 'pull', image: expect.stringContaining('busybox') as string })
    } finally {
      process.env['AIRPLANT_REGISTRY_MIRROR'] = mirror
      await offline[Symbol.asyncDispose]()
    }
  })

  test('that was removed in between is pulled again', async () => {
    expect(await outputOf('echo one', options())).toBe('one')
    const layers = join(home, 'store', 'layers')
    const [mapping = ''] = readdirSync(layers)
    for (const name of readdirSync(join(layers, mapping))) await removeByKeeper(session, join(layers, mapping, name))
    expect(await outputOf('echo two', options())).toBe('two')
  })

  test('cannot be removed while a container of it runs', async () => {
    const store = ImageStore.of(session, process.env)
    await withContainer(options({ command: ['sleep', '60'] }), async () => {
      expect(await errorOf(store.removeImage('busybox'))).toMatchObject({ code: 'ERR_IN_USE' })
    })
    await store.removeImage('busybox')
    expect(await errorOf(withContainer(options({ pull: 'never' })))).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' })
  })

  test('of another processor is not taken for one that was asked for', async () => {
    const other = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64'
    const error = await errorOf(withContainer(options({ platform: other })))
    expect(error).toMatchObject({ code: 'ERR_PLATFORM_MISSING', phase: 'pull' })
  })

  test.each(['overlay', 'fuse-overlayfs', 'copy'] as const)('runs with the storage %s', async (storage) => {
    expect(await outputOf('id -u; touch /x && ls /x', options({ storage }))).toBe('0\n/x')
  })
})

describe('airplant run', () => {
  const run = async (...args: string[]): Promise<{ code: number | null; output: string; stderr: string }> => {
    const { code, stdout, stderr } = await airplant(['run', ...args])
    return { code, output: stdout.toString(), stderr }
  }

  test('takes a reference, its command and flags as docker does', async () => {
    expect(await run('busybox', 'echo', 'hello')).toMatchObject({ code: 0, output: 'hello\n' })
    expect(await run('-e', 'A=1', '--entrypoint', 'sh', 'busybox', '-c', 'echo $A; exit 3')).toMatchObject({
      code: 3,
      output: '1\n',
    })
    expect(await run('--pull', 'never', 'nothing:here', 'true')).toMatchObject({ code: 125 })
  })

  test('shows what it pulls, but not on its output', async () => {
    const pulled = await run('--pull', 'always', 'busybox', 'echo', 'x')
    expect(pulled).toMatchObject({ code: 0, output: 'x\n' })
    expect(pulled.stderr).toContain('docker.io/library/busybox:latest')
    expect(await run('-q', '--pull', 'always', 'busybox', 'echo', 'x')).toMatchObject({ stderr: '' })
  })

  test('has named volumes', async () => {
    expect(await run('-v', 'shared:/data', 'busybox', 'sh', '-c', 'echo kept > /data/file')).toMatchObject({ code: 0 })
    expect(await run('-v', 'shared:/data:ro', 'busybox', 'cat', '/data/file')).toMatchObject({ output: 'kept\n' })
  })
})
