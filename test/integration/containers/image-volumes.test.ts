import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ContainerOptions, LocalImage } from '../../../src/index.ts'
import { Session, withContainer } from '../../../src/index.ts'
import { ImageStore } from '../../../src/images/store/image-store.ts'
import { checkLeftovers, errorOf, isSingleId, outputOf } from '../../support/containers.ts'
import { localImage, tinyLayer } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

const parent = mkdtempSync(join(tmpdir(), 'airplant-volumes-'))
const outer = process.env['AIRPLANT_HOME']
process.env['AIRPLANT_HOME'] = join(parent, 'store')
afterAll(() => {
  if (outer === undefined) delete process.env['AIRPLANT_HOME']
  else process.env['AIRPLANT_HOME'] = outer
})
checkLeftovers()

const base = tinyRoot(parent)
base.write('/srv/data/list', 'base')
base.write('/srv/data/private/key', 'key', 0o600)
const top = tinyLayer(parent).write('srv/data/top', 'top').whiteout('srv/data/list').write('srv/empty/.keep', '')
symlinkSync('/srv/data', join(top.path, 'link'))
const image: LocalImage = localImage([base.path, top.path], { volumes: ['/srv/data'] })
let session: Session

beforeAll(async () => {
  session = await Session.start()
})
afterAll(async () => {
  const store = ImageStore.of(session, process.env)
  for (const { name } of store.volumes.list()) await store.volumes.remove(name)
  await session[Symbol.asyncDispose]()
  rmSync(parent, { recursive: true })
})

const output = (
  script: string,
  volumes: ContainerOptions['volumes'] = [],
  more: ContainerOptions = {},
): Promise<string> => outputOf(script, { session, image, volumes, ...more })

describe('a named volume', () => {
  test('gets what the image has there, once, and keeps what is written', async () => {
    const data = [{ name: 'data', target: '/srv/data' }]
    expect(await output('cd /srv/data; ls; cat top; echo 1 > new; rm top; stat -c %a private/key', data)).toBe(
      'private\ntop\ntop600',
    )
    expect(await output('cd /srv/data; ls; rm -r *; ls | wc -l', data)).toBe('new\nprivate\n0')
    // Emptied on purpose: it is not filled again.
    expect(await output('ls /srv/data | wc -l', data)).toBe('0')
    expect(await output('ls /srv/data')).toBe('private\ntop')
  })

  test.skipIf(isSingleId)('has the owner and mode that the image gives the directory', async () => {
    const layer = tinyLayer(parent)
    const owned = localImage([base.path, layer.path])
    const prepared = { name: 'owned', target: '/owned' }
    // What a layer unpacked by the store would have: the files of another user.
    await withContainer(
      { session, image: owned, command: ['sleep', '60'], binds: [{ source: layer.path, target: '/b' }] },
      (c) => c.exec(['sh', '-c', 'mkdir -m 700 /b/owned; echo x > /b/owned/file; chown -R 1000:1001 /b/owned']),
    )
    const script = 'stat -c "%a %u:%g" /owned /owned/file; echo more >> /owned/file'
    expect(await output(script, [prepared], { image: owned, user: 'app' })).toBe('700 1000:1001\n644 1000:1001')
    expect(await output('cat /owned/file', [prepared], { image: owned })).toBe('x\nmore')
    await withContainer(
      { session, image: owned, command: ['rm', '-r', '/b/owned'], binds: [{ source: layer.path, target: '/b' }] },
      (c) => c.wait(),
    )
  })

  test('is followed to where a link of the image leads, and may be where the image has nothing', async () => {
    expect(await output('ls /link/', [{ name: 'linked', target: '/link' }])).toBe('private\ntop')
    expect(await output('ls /nowhere | wc -l; touch /nowhere/x', [{ name: 'fresh', target: '/nowhere' }])).toBe('0')
  })

  test('is without set-user-ID and devices, and read-only where asked', async () => {
    expect(await output('grep " /v " /proc/mounts', [{ name: 'flags', target: '/v' }])).toMatch(/nosuid,nodev/)
    const readOnly = [{ name: 'flags', target: '/v', readOnly: true }]
    expect(await output('touch /v/x 2>&1', readOnly)).toContain('Read-only')
    expect(await output('touch /v/x && echo written', [{ name: 'flags', target: '/v' }], { readOnly: true })).toBe(
      'written',
    )
  })

  test('is filled once by containers that start at the same time', async () => {
    const race = [{ name: 'race', target: '/srv/data' }]
    const outputs = await Promise.all(Array.from({ length: 5 }, () => output('ls /srv/data | tr "\\n" " "', race)))
    expect(new Set(outputs)).toEqual(new Set(['private top']))
  })

  test('that was not filled to the end is filled again', async () => {
    const store = ImageStore.of(session, process.env)
    await store.volumes.create('torn')
    const torn = store.volumes.fill('torn', () => Promise.reject(new Error('killed')))
    await expect(torn).rejects.toThrow('killed')
    expect(await output('ls /srv/data', [{ name: 'torn', target: '/srv/data' }])).toBe('private\ntop')
  })

  test('works on the host image and on a root of files, and is not filled from these', async () => {
    const host = { image: 'host', volumes: [{ name: 'plain', target: '/mnt' }], session } as const
    expect(await outputOf('touch /mnt/from-host; ls /mnt', host)).toBe('from-host')
    const rootfs = { ...host, image: { rootfs: base.path }, volumes: [{ name: 'plain', target: '/srv/data' }] }
    expect(await outputOf('ls /srv/data', rootfs)).toBe('from-host')
  })

  test('cannot be removed while a container has it', async () => {
    const store = ImageStore.of(session, process.env)
    const volumes = [{ name: 'used', target: '/v' }]
    await withContainer({ session, image, volumes, command: ['sleep', '60'] }, async () => {
      expect(await errorOf(store.volumes.remove('used'))).toMatchObject({ code: 'ERR_IN_USE' })
    })
    await store.volumes.remove('used')
    expect(existsSync(join(store.home, 'volumes/used'))).toBe(false)
  })

  test.each(['fuse-overlayfs', 'copy'] as const)('works with %s', async (storage) => {
    const volumes = [{ name: `with-${storage}`, target: '/srv/data' }]
    expect(await output('ls /srv/data', volumes, { storage })).toBe('private\ntop')
  })
})

test('layers that the kernel cannot show as one are merged to fill a volume', async () => {
  const marked = localImage(
    [base.path, tinyLayer(parent).write('srv/data/.wh..wh..opq', '').write('srv/data/x', 'x').path],
    {},
    {
      markedByFiles: true,
    },
  )
  expect(await output('ls /srv/data', [{ name: 'marked', target: '/srv/data' }], { image: marked })).toBe('x')
})
