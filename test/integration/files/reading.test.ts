import { afterAll, beforeAll, expect, test } from 'vitest'
import { isHole } from '../../../src/rootless/files/holes.ts'
import type { FileEntry } from '../../../src/rootless/files/file-entry.ts'
import { errorOf, isSingleId } from '../../support/containers.ts'
import type { FileTargets } from '../../support/file-target.ts'
import { fileTargets, itemsOf, listOf } from '../../support/file-target.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
let targets: FileTargets

beforeAll(async () => {
  targets = await fileTargets()
})
afterAll(async () => {
  await targets[Symbol.asyncDispose]()
  await left.assertNone()
})

const owner = isSingleId ? 0 : 7

test('every kind of file is read with all that it has', async () => {
  const directory = await targets.directory(`
os.mkdir('d'); os.chmod('d', 0o1750)
open('d/file', 'w').write('content'); os.chown('d/file', ${owner}, ${owner}); os.chmod('d/file', 0o4711)
os.utime('d/file', ns=(0, 1234567890_987654321)); os.setxattr('d/file', 'user.key', b'\\0value')
os.link('d/file', 'd/second'); os.symlink('../file', 'd/link'); os.link('d/link', 'd/link2', follow_symlinks=False)
os.mkfifo('d/pipe'); open('empty', 'w'); os.utime('empty', (0, -5)); open('d/ä ü', 'w').write('ü')
s = socket.socket(socket.AF_UNIX); s.bind('d/socket')`)
  const channel = await targets.open(directory)
  const items = await itemsOf(channel, '')
  const entries = new Map<string, FileEntry>(items.map(({ item }) => [item.entry.path, item.entry]))
  expect(items.map(({ item: { entry } }) => `${entry.kind} ${entry.path} ${entry.link}`.trim())).toEqual([
    'directory',
    'directory d',
    'file d/file',
    'symlink d/link ../file',
    'hardlink d/link2 d/link',
    'fifo d/pipe',
    'hardlink d/second d/file',
    'socket d/socket',
    'file d/ä ü',
    'file empty',
  ])
  expect(entries.get('d')?.mode).toBe(0o1750)
  expect(entries.get('d/file')).toEqual({
    kind: 'file',
    path: 'd/file',
    mode: 0o4711,
    uid: owner,
    gid: owner,
    mtime: 1234567890,
    mtimeNs: 987654321,
    size: 7,
    link: '',
    device: 0,
    xattrs: new Map([['user.key', Buffer.from('\0value')]]),
  })
  expect(entries.get('empty')).toMatchObject({ mtime: -5, mtimeNs: 0, size: 0 })
  expect(items.map(({ content }) => content.toString()).join('|')).toBe('||content||||||ü|')
  expect(entries.get('d/second')).toMatchObject({ size: 0, mode: 0o4711 })
})

test('a sparse file comes with its holes', async () => {
  const directory = await targets.directory(`
f = open('sparse', 'wb'); f.seek(5 << 20); f.write(b'x' * 70000); f.truncate(9 << 20)
open('holes', 'wb').truncate(3 << 20)`)
  const channel = await targets.open(directory)
  const seen: string[] = []
  for await (const { entry, data } of channel.read('', { raw: false })) {
    let hole = 0
    let bytes = 0
    for await (const chunk of data) {
      if (isHole(chunk)) hole += chunk.length
      else bytes += chunk.length
      expect(isHole(chunk) ? chunk.some(Boolean) : false).toBe(false)
    }
    if (entry.kind === 'file') seen.push(`${entry.path} ${entry.size} ${hole + bytes} ${bytes < 200_000}`)
  }
  expect(seen).toEqual([`holes ${3 << 20} ${3 << 20} true`, `sparse ${9 << 20} ${9 << 20} true`])
  const [, , sparse] = await itemsOf(channel, '')
  expect(sparse?.content.subarray(5 << 20, (5 << 20) + 70_000).equals(Buffer.alloc(70_000, 'x'))).toBe(true)
})

test('a path is resolved in the target, and followed at its end only with a slash', async () => {
  const directory = await targets.directory(`
os.makedirs('a/b'); open('a/b/file', 'w').write('inside'); os.symlink('/a/b', 'absolute'); os.symlink('../../../../a', 'up')
os.symlink('/etc', 'out'); os.symlink('file', 'a/b/link')`)
  const channel = await targets.open(directory)
  expect(await listOf(channel, 'absolute')).toEqual(['symlink'])
  expect(await listOf(channel, 'absolute/')).toEqual(['directory', 'file file', 'symlink link'])
  expect(await listOf(channel, '/up/../up/b/file')).toEqual(['file'])
  expect(await listOf(channel, '../../up/b/./')).toEqual(['directory', 'file file', 'symlink link'])
  expect((await itemsOf(channel, 'up/b/file'))[0]?.content.toString()).toBe('inside')
  for (const path of ['out/passwd', 'none', 'a/b/file/below', 'out/']) {
    const error = await errorOf(itemsOf(channel, path))
    expect(error).toMatchObject({ code: 'ERR_PATH_MISSING', step: 'read', detail: path })
  }
  expect(await errorOf(itemsOf(channel, 'a/b/link/'))).toMatchObject({ code: 'ERR_PATH_MISSING' })
})

test('stat tells what a path names, or that it names nothing', async () => {
  const directory = await targets.directory(`
os.mkdir('d'); open('d/file', 'w').write('four'); os.setxattr('d/file', 'user.a', b'1'); os.symlink('/d/file', 'link'); os.symlink('x', 'dangling')
os.mkfifo('pipe'); os.symlink('loop', 'loop')`)
  const channel = await targets.open(directory)
  const look = (path: string, follow: boolean) => channel.stat(path, { follow })
  expect(await look('link', false)).toMatchObject({ kind: 'symlink', link: '/d/file', path: 'link' })
  expect(await look('link', true)).toMatchObject({ kind: 'file', size: 4, link: '', path: 'link' })
  expect((await look('link', true))?.xattrs.get('user.a')?.toString()).toBe('1')
  expect((await look('d/file', false))?.xattrs.get('user.a')?.toString()).toBe('1')
  expect(await look('pipe', true)).toMatchObject({ kind: 'fifo' })
  expect(await look('', false)).toMatchObject({ kind: 'directory', path: '' })
  expect(await look('d/', true)).toMatchObject({ kind: 'directory' })
  expect(await look('dangling', false)).toMatchObject({ kind: 'symlink' })
  for (const path of ['dangling', 'none', 'd/file/x', 'none/x']) expect(await look(path, true)).toBeUndefined()
  for (const path of ['none', 'd/file/x', 'none/x']) expect(await look(path, false)).toBeUndefined()
  expect(await errorOf(look('loop', true))).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'ELOOP' })
  expect(await errorOf(look('x'.repeat(300), false))).toMatchObject({ errno: 'ENAMETOOLONG' })
})

test('remove deletes below the target only', async () => {
  const directory = await targets.directory(`
os.makedirs('a/b/c'); open('a/b/c/file', 'w'); os.chmod('a/b', 0); os.mkdir('kept'); open('kept/file', 'w')
os.symlink('kept', 'link'); os.symlink('/kept', 'a/out')`)
  const channel = await targets.open(directory)
  await channel.remove('link/')
  await channel.remove('/a/')
  await channel.remove('none/below')
  expect(await listOf(channel, '')).toEqual(['directory', 'directory kept', 'file kept/file'])
  for (const path of ['', '/', '.', 'kept/..', '..']) {
    expect(await errorOf(channel.remove(path))).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EINVAL' })
  }
})

test('usage counts blocks once per file', async () => {
  const directory = await targets.directory(`
os.mkdir('d'); open('d/file', 'wb').write(os.urandom(1 << 20)); os.link('d/file', 'd/again'); open('d/hole', 'wb').truncate(1 << 30)`)
  const channel = await targets.open(directory)
  const { bytes, entries } = await channel.usage('')
  expect(entries).toBe(5)
  expect(bytes).toBeGreaterThanOrEqual(1 << 20)
  expect(bytes).toBeLessThan(2 << 20)
  expect((await channel.usage('d/hole')).entries).toBe(1)
  expect(await errorOf(channel.usage('none'))).toMatchObject({ code: 'ERR_PATH_MISSING' })
})

test('10,000 levels are read, measured and removed', { timeout: 60_000 }, async () => {
  const directory = await targets.directory(`
for i in range(10000):
  os.mkdir('d'); os.chdir('d')
open('bottom', 'w').write('deep')`)
  const channel = await targets.open(directory)
  let count = 0
  let last = ''
  for await (const { entry, data } of channel.read('', { raw: true })) {
    count++
    if (entry.kind !== 'file') continue
    for await (const chunk of data) last += `${entry.path.length} ${chunk.toString()}`
  }
  expect([count, last]).toEqual([10_002, '20006 deep'])
  expect((await channel.usage('d')).entries).toBe(10_001)
  await channel.remove('d')
  expect(await listOf(channel, '')).toEqual(['directory'])
})

test('what is not taken is thrown away, and requests wait for their turn', async () => {
  const directory = await targets.directory(`
for i in range(300): open('file%03d' % i, 'wb').write(b'x' * 20000)`)
  const channel = await targets.open(directory)
  const order: string[] = []
  const reading = channel.read('', { raw: false })
  await reading.next()
  const usage = channel.usage('').then(() => order.push('usage'))
  for await (const { entry } of reading) if (entry.path === 'file299') order.push('read')
  await usage
  expect(order).toEqual(['read', 'usage'])
  for await (const { entry } of channel.read('', { raw: false })) if (entry.path === 'file003') break
  expect(await channel.stat('file000', { follow: false })).toMatchObject({ size: 20_000 })
  const without = await itemsOf(channel, '', { raw: false, data: false })
  expect([without.length, without[1]?.item.entry.size, without[1]?.content.length]).toEqual([301, 20_000, 0])
})

test('a name that is no text is an error, not another name', async () => {
  const directory = await targets.directory(`open(b'a\\xff', 'w'); open('b', 'w')`)
  const channel = await targets.open(directory)
  const error = await errorOf(itemsOf(channel, ''))
  expect(error).toMatchObject({ code: 'ERR_FILE_FAILED' })
  expect(error.message).toContain('not UTF-8')
  expect(await channel.stat('b', { follow: false })).toMatchObject({ kind: 'file' })
})
