import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers } from '../../support/containers.ts'
import { localImage } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-copy-aborts-'))
afterAll(() => rmSync(parent, { recursive: true }))
const image = localImage([tinyRoot(parent).path])
const sleeping = { image, command: ['sleep', '600'], stopTimeout: 0 }

test('a copy whose archive never ends is ended by its signal, and the container goes on', async () => {
  await withContainer(sleeping, async (container) => {
    const controller = new AbortController()
    const endless = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.alloc(100)
      controller.abort(new Error('enough'))
      await new Promise<void>(() => {})
    }
    const copying = container.copyIn({ target: '/into', tar: endless() }, { signal: controller.signal })
    await expect(copying).rejects.toMatchObject({ code: 'ERR_ABORTED', container: container.id })
    await container.copyIn({ target: '/after', content: 'x' })
    expect(String(await container.readFile('/after'))).toBe('x')
  })
})

test('a signal that has fired already lets nothing be copied', async () => {
  await withContainer(sleeping, async (container) => {
    const signal = AbortSignal.abort()
    await expect(container.copyIn({ target: '/x', content: 'x' }, { signal })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    })
    await expect(container.copyOut('/bin', join(parent, 'out'), { signal })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    })
    await expect(container.readFile('/etc/passwd', { signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(container.readFile('/x')).rejects.toMatchObject({ code: 'ERR_PATH_MISSING' })
  })
})
