import { afterAll, beforeAll, expect, test } from 'vitest'
import { apply, directory, entryOf, file, hardlink, layerOptions, symlink } from '../../support/apply.ts'
import { errorOf, isSingleId } from '../../support/containers.ts'
import type { FileTargets } from '../../support/file-target.ts'
import { fileTargets, listOf } from '../../support/file-target.ts'
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

const owner = isSingleId ? 0 : 65_534

/** kind, mode, owner, size and time of each path, as Python sees them. */
const LIST = `
for root, dirs, files in os.walk('.'):
  dirs.sort()
  for name in ['.'] + sorted(files + [d for d in dirs if os.path.islink(os.path.join(root, d))]):
    path = os.path.normpath(os.path.join(root, name)); s = os.lstat(path)
    link = ' -> ' + os.readlink(path) if stat.S_ISLNK(s.st_mode) else ''
    print(stat.filemode(s.st_mode), s.st_uid, s.st_gid, s.st_nlink if not stat.S_ISDIR(s.st_mode) else '-', s.st_mtime_ns, path + link)`

test('every kind of file is made with all that its entry says', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  const own = { uid: owner, gid: owner }
  const summary = await apply(channel, [
    directory('', { mode: 0o1711, mtime: 5 }),
    directory('d', { mode: 0o2550, ...own, mtime: -3, mtimeNs: 7 }),
    file('d/run', 'content', { mode: 0o6711, ...own, mtime: 1234567890, mtimeNs: 987654321 }),
    hardlink('d/again', 'd/run'),
    entryOf('symlink', 'link', { link: '/d/../nowhere', ...own, mtime: 6 }),
    hardlink('link2', 'link'),
    entryOf('fifo', 'pipe', { mode: 0o620, ...own }),
    entryOf('character', 'dev/null', { device: 1 * 2 ** 20 + 3 }),
    entryOf('block', 'dev/sda', { device: 8 * 2 ** 20 }),
    entryOf('socket', 'dev/log'),
    file('empty', '', { mode: 0o000, mtime: 1.5 }),
    file('implied/parents/here', 'x'),
    file('ä\nü', 'x'),
  ])
  expect(summary).toEqual({
    entries: 13,
    bytes: 9,
    devices: ['dev/null', 'dev/sda'],
    warnings: [],
    rootMode: 0o1711,
    markedByFiles: false,
  })
  const lines = (await targets.python(target, LIST)).trimEnd().split('\n')
  const implied = /^drwxr-xr-x 0 0 - \d{19} implied(\/parents)?$/
  expect(lines.filter((line) => !implied.test(line)).sort()).toEqual(
    [
      'drwx--x--t 0 0 - 5000000000 .',
      `dr-xr-s--- ${owner} ${owner} - -2999999993 d`,
      `-rws--s--x ${owner} ${owner} 2 1234567890987654321 d/again`,
      `-rws--s--x ${owner} ${owner} 2 1234567890987654321 d/run`,
      `lrwxrwxrwx ${owner} ${owner} 2 6000000000 link -> /d/../nowhere`,
      `lrwxrwxrwx ${owner} ${owner} 2 6000000000 link2 -> /d/../nowhere`,
      `prw--w---- ${owner} ${owner} 1 1000000000000000 pipe`,
      '---------- 0 0 1 1500000000 empty',
      '-rw-r--r-- 0 0 1 1000000000000000 implied/parents/here',
      '-rw-r--r-- 0 0 1 1000000000000000 ä',
      'ü',
    ].sort(),
  )
  expect(lines.filter((line) => implied.test(line))).toHaveLength(2)
})

test('what is there is replaced, whatever it is; a directory over a directory keeps its content', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  const first = [
    directory('kept', { mode: 0o700 }),
    file('kept/file', 'old'),
    directory('dir/deep/er'),
    file('dir/deep/er/file', ''),
    file('file', 'old'),
    symlink('link', 'file'),
    hardlink('same', 'file'),
    symlink('dangling', 'nowhere'),
  ]
  await apply(channel, first)
  await apply(channel, [
    directory('kept', { mode: 0o711 }),
    file('dir', 'now a file'),
    directory('file'),
    file('file/below', ''),
    file('link', 'now a file'),
    hardlink('same', 'same'),
    directory('dangling'),
  ])
  expect(await listOf(channel, '')).toEqual([
    'directory',
    'directory dangling',
    'file dir',
    'directory file',
    'file file/below',
    'directory kept',
    'file kept/file',
    'file link',
    'file same',
  ])
  expect((await channel.stat('kept', { follow: false }))?.mode).toBe(0o711)
  const error = await errorOf(apply(channel, [file('dir', 'x')], { ...layerOptions, mode: 'merge', overwrite: false }))
  expect(error).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EEXIST', detail: 'dir' })
})

test('holes take no room, wherever in a file they are', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  channel.begin(layerOptions)
  await channel.entry(entryOf('file', 'middle', { size: 2 ** 30 }))
  await channel.data(Buffer.from('begin'))
  await channel.hole(2 ** 30 - 8)
  await channel.data(Buffer.from('end'))
  await channel.entry(entryOf('file', 'whole', { size: 2 ** 40 }))
  await channel.hole(2 ** 40)
  expect(await channel.finish()).toMatchObject({ bytes: 8, entries: 2 })
  const seen = await targets.python(
    target,
    `f = open('middle', 'rb'); print(f.read(6)); f.seek(-4, 2); print(f.read())
for name in ['middle', 'whole']: print(os.stat(name).st_size, os.stat(name).st_blocks < 64)`,
  )
  expect(seen).toBe(`b'begin\\x00'\nb'\\x00end'\n${2 ** 30} True\n${2 ** 40} True\n`)
})

test('attributes and file capabilities are kept, labels of another machine and marks of layers are not', async ({
  skip,
}) => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  // VFS_CAP_REVISION_2 with the effective bit, CAP_NET_RAW.
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
  const xattrs = new Map([
    ['user.key', Buffer.from('\0value')],
    ['security.capability', capability],
    ['security.selinux', Buffer.from('label')],
    ['user.overlay.opaque', Buffer.from('y')],
    ['trusted.overlay.redirect', Buffer.from('/etc')],
    ['user.fuseoverlayfs.opaque', Buffer.from('y')],
    ['user.containers.override_stat', Buffer.from('0:0:4755')],
    ['trusted.other', Buffer.from('x')],
    ['nonsense', Buffer.from('x')],
  ])
  const { warnings } = await apply(channel, [
    file('run', 'content', { mode: 0o755, uid: owner, gid: owner, xattrs }),
    directory('d', {
      xattrs: new Map([
        ['user.overlay.opaque', Buffer.from('y')],
        ['user.key', Buffer.from('dir')],
      ]),
    }),
    file('d/below', ''),
  ])
  skip(
    warnings.some((warning) => warning.includes('user.')),
    'the file system has no user attributes',
  )
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain('trusted.other')
  const names = await targets.python(
    target,
    `for path in ['run', 'd']: print(sorted(n for n in os.listxattr(path)))
print(os.getxattr('run', 'security.capability').hex(), os.getxattr('run', 'user.key'))`,
  )
  expect(names.split('\n')).toEqual([
    "['security.capability', 'user.key', 'user.overlay.overlay.opaque', 'user.overlay.overlay.redirect']",
    "['user.key', 'user.overlay.overlay.opaque']",
    `${capability.toString('hex')} b'\\x00value'`,
    '',
  ])
})

test('a default ACL of a directory does not reach what the archive puts into it', async ({ skip }) => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  // POSIX_ACL_XATTR_VERSION, then tag, permissions, ID: user::---, group::---, other::---
  const acl = Buffer.from('02000000' + '01000000ffffffff' + '04000000ffffffff' + '20000000ffffffff', 'hex')
  const { warnings } = await apply(channel, [
    directory('d', { xattrs: new Map([['system.posix_acl_default', acl]]) }),
    file('d/file', '', { mode: 0o644 }),
    directory('d/e', { mode: 0o751 }),
  ])
  skip(warnings.length > 0, 'the file system has no ACLs')
  const modes = `print(*[oct(os.stat(p).st_mode & 0o7777) for p in ['d', 'd/file', 'd/e']], os.listxattr('d'), os.listxattr('d/e'))`
  expect(await targets.python(target, modes)).toBe("0o755 0o644 0o751 ['system.posix_acl_default'] []\n")
  await apply(channel, [file('d/later', '', { mode: 0o640 })], { ...layerOptions, base: 'd' })
  await apply(channel, [file('later', '', { mode: 0o640 })], { ...layerOptions, base: 'd' })
  expect(await targets.python(target, `print(oct(os.stat('d/later').st_mode & 0o7777))`)).toBe('0o640\n')
})

test('flattened owners: all is root, and no program runs as somebody else', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  const flat = { ...layerOptions, flattenOwners: true }
  await apply(
    channel,
    [
      file('own', '', { mode: 0o6755 }),
      file('other', '', { mode: 0o6755, uid: 4_000_000, gid: 4_000_000 }),
      file('group', '', { mode: 0o6755, gid: 5 }),
      directory('d', { mode: 0o3777, uid: 70_000, gid: 70_000 }),
    ],
    flat,
  )
  const seen = `print(*[(oct(s.st_mode & 0o7777), s.st_uid, s.st_gid) for s in map(os.stat, ['own', 'other', 'group', 'd'])])`
  expect(await targets.python(target, seen)).toBe(
    "('0o6755', 0, 0) ('0o755', 0, 0) ('0o4755', 0, 0) ('0o1777', 0, 0)\n",
  )
})

test('one apply follows another, also after one that failed and one whose base is missing', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  const many = Array.from({ length: 3000 }, (_, index) => file(`many/${index}`, 'x'.repeat(1000)))
  const error = await errorOf(apply(channel, [file('a', ''), file('../b', 'x'), ...many]))
  expect(error.code).toBe('ERR_UNSAFE_ARCHIVE')
  const missing = await errorOf(apply(channel, many, { ...layerOptions, base: '/not/there' }))
  expect(missing).toMatchObject({ code: 'ERR_PATH_MISSING', detail: 'not/there' })
  await apply(channel, [directory('base')])
  expect(await apply(channel, [file('c', '')], { ...layerOptions, base: '/base/' })).toMatchObject({ entries: 1 })
  expect(await listOf(channel, '')).toEqual(['directory', 'file a', 'directory base', 'file base/c'])
})
