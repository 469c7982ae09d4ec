import { afterAll, beforeAll, expect, test } from 'vitest'
import { withContainer } from '../../../src/index.ts'
import { defaultSession, disposeDefaultSession } from '../../../src/rootless/default-session.ts'
import { FileWorker } from '../../../src/rootless/files/file-worker.ts'
import { shell } from '../../support/containers.ts'
import type { FileTargets } from '../../support/file-target.ts'
import { fileTargets, itemsOf, listOf } from '../../support/file-target.ts'
import { watchLeftovers } from '../../support/leftovers.ts'
import { tinyRoot } from '../../support/rootfs.ts'

const left = watchLeftovers()
let targets: FileTargets

beforeAll(async () => {
  targets = await fileTargets()
})
afterAll(async () => {
  await targets[Symbol.asyncDispose]()
  await disposeDefaultSession()
  await left.assertNone()
})

test('an upper directory is read as a layer: whiteouts, opaque directories, no marks', async () => {
  const directory = await targets.directory(`
os.mkdir('opaque'); os.setxattr('opaque', 'user.overlay.opaque', b'y'); open('opaque/file', 'w')
os.mkdir('plain'); os.setxattr('plain', 'user.overlay.origin', b'x'); os.setxattr('plain', 'user.own', b'1')
os.setxattr('plain', 'user.overlay.overlay.opaque', b'n'); os.setxattr('plain', 'user.fuseoverlayfs.origin', b'x')
os.mknod('gone', 0o600 | stat.S_IFCHR, 0); os.link('gone', 'plain/gone2')
os.mkdir('marked'); open('marked/.wh..wh..opq', 'w'); open('marked/.wh.name', 'w'); open('marked/.wh..wh.plnk', 'w')`)
  const channel = await targets.open(directory)
  expect(await listOf(channel, '', { raw: true })).toEqual([
    'directory',
    'whiteout gone',
    'directory marked',
    'opaque marked',
    'whiteout marked/name',
    'directory opaque',
    'opaque opaque',
    'file opaque/file',
    'directory plain',
    'whiteout plain/gone2',
  ])
  const items = await itemsOf(channel, '', { raw: true })
  const plain = items.find(({ item }) => item.entry.path === 'plain')?.item.entry
  expect([...(plain?.xattrs.keys() ?? [])].sort()).toEqual(['user.overlay.opaque', 'user.own'])
  expect(items.find(({ item }) => item.entry.path === 'gone')?.item.entry).toMatchObject({ device: 0, size: 0 })
  expect(items.find(({ item }) => item.entry.path === 'opaque')?.item.entry.xattrs.size).toBe(0)
  expect(await listOf(channel, 'plain', { raw: false })).toEqual(['directory', 'character gone2'])
})

test('an overlay is read as it shows', async ({ skip }) => {
  const [top, bottom] = [
    await targets.directory(`os.mknod('gone', 0o600 | stat.S_IFCHR, 0); open('new', 'w')`),
    await targets.directory(`open('gone', 'w'); open('kept', 'w').write('kept')`),
  ]
  const target = { kind: 'overlay', lowers: [top, bottom] } as const
  const worker = await FileWorker.start(targets.session, target).catch((error: unknown) => skip(String(error)))
  const channel = await worker.connect()
  expect(await listOf(channel, '')).toEqual(['directory', 'file kept', 'file new'])
  expect((await itemsOf(channel, 'kept'))[0]?.content.toString()).toBe('kept')
  await worker[Symbol.asyncDispose]()
})

test('a running container is read with its mounts, or without', async () => {
  using root = tinyRoot()
  await using container = await withContainer({
    image: { rootfs: root.path },
    command: ['sleep', '60'],
    tmpfs: ['/data/tmp'],
  })
  await shell(container, 'echo volatile > /data/tmp/file; echo kept > /data/kept; ln -s /data/kept /data/link')
  const session = await defaultSession()
  const handle = (await session.client.list()).find(({ id }) => id === container.id)?.handle ?? 0
  await using worker = await FileWorker.start(session, { kind: 'process', handle })
  const channel = await worker.connect()
  const all = ['directory', 'file kept', 'symlink link', 'directory tmp']
  expect(await listOf(channel, '/data', { raw: false, oneFileSystem: true })).toEqual(all)
  expect(await listOf(channel, '/data')).toEqual([...all, 'file tmp/file'])
  expect((await itemsOf(channel, 'data/tmp/file'))[0]?.content.toString()).toBe('volatile\n')
  expect((await channel.usage('/data')).entries).toBe(4)
  await channel.remove('/data/tmp/file')
  expect(await shell(container, 'ls /data/tmp')).toBe('')
  await expect(channel.remove('/data/tmp')).rejects.toMatchObject({ errno: 'EBUSY' })
  // Magic links are no way out: the visitor is no process of this /proc anyway.
  await expect(itemsOf(channel, '/proc/1/root/')).rejects.toThrow(/ELOOP|EACCES/)
})
