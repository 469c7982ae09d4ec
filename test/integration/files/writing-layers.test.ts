import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FileChannel } from '../../../src/rootless/files/file-channel.ts'
import { FileWorker } from '../../../src/rootless/files/file-worker.ts'
import { Plan } from '../../../src/rootless/protocol/plan.ts'
import type { Written } from '../../support/apply.ts'
import { apply, directory, file, hardlink, mergeOptions, opaque, symlink, whiteout } from '../../support/apply.ts'
import { errorOf } from '../../support/containers.ts'
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

/** Writes each list as a layer of its own. Lowest first. */
async function layers(...lists: Written[][]): Promise<string[]> {
  const directories: string[] = []
  for (const entries of lists) {
    const target = await targets.directory()
    await apply(await targets.open(target), entries)
    directories.push(target)
  }
  return directories
}

/** Paths in their order, directories with a slash at the end. */
async function pathsOf(channel: FileChannel): Promise<string> {
  const lines = (await listOf(channel, '')).slice(1).map((line) => line.split(' ') as [string, string])
  return lines.map(([kind, path]) => (kind === 'directory' ? `${path}/` : path)).join(' ')
}

/** What an overlay of the layers shows, also what it should hide. */
async function shown(directories: readonly string[]): Promise<string> {
  await using worker = await FileWorker.start(targets.session, { kind: 'overlay', lowers: [...directories].reverse() })
  return await pathsOf(await worker.connect())
}

/** What the same lists leave when they are merged into one directory. */
async function merged(...lists: Written[][]): Promise<string> {
  const channel = await targets.open(await targets.directory())
  for (const entries of lists) await apply(channel, entries, mergeOptions)
  return await pathsOf(channel)
}

// a/ a/one a/sub/ a/sub/three a/two b
const lower = [
  directory('a'),
  file('a/one', '1'),
  file('a/two', '2'),
  directory('a/sub'),
  file('a/sub/three', '3'),
  file('b', 'b'),
]

test.each<[name: string, upper: Written[], paths: string]>([
  ['a file is gone', [whiteout('a/one')], 'a/ a/sub/ a/sub/three a/two b'],
  ['a directory is gone', [whiteout('a')], 'b'],
  ['what was not there is gone all the same', [whiteout('a/none')], 'a/ a/one a/sub/ a/sub/three a/two b'],
  ['an opaque directory', [directory('a'), opaque('a'), file('a/new', '')], 'a/ a/new b'],
  ['the mark comes after the files', [file('a/new', ''), opaque('a')], 'a/ a/new b'],
  ['the mark comes after what it should keep deep down', [file('a/sub/new', ''), opaque('a')], 'a/ a/sub/ a/sub/new b'],
  [
    'a whiteout below an opaque directory',
    [opaque('a'), file('a/sub/x', ''), whiteout('a/sub/three')],
    'a/ a/sub/ a/sub/x b',
  ],
  [
    'an opaque directory after its whiteouts',
    [whiteout('a/one'), whiteout('a/sub/three'), file('a/sub/x', ''), opaque('a')],
    'a/ a/sub/ a/sub/x b',
  ],
  ['a whiteout below a whiteout', [whiteout('a'), whiteout('a/one'), whiteout('a/sub/three')], 'b'],
  ['a file below a whiteout', [whiteout('a'), file('a/sub/new', '')], 'a/ a/sub/ a/sub/new b'],
  [
    'an opaque directory below a whiteout',
    [whiteout('a'), opaque('a/sub'), file('a/sub/x', '')],
    'a/ a/sub/ a/sub/x b',
  ],
  ['a directory in the place of a whiteout', [whiteout('a'), directory('a')], 'a/ b'],
  ['a whiteout of what the layer has itself', [file('a/new', ''), whiteout('a')], 'a/ a/new b'],
  ['a whiteout of a file of the same layer', [file('b', 'new'), whiteout('b')], 'a/ a/one a/sub/ a/sub/three a/two b'],
  ['a file in the place of a directory', [file('a', '')], 'a b'],
  ['a directory in the place of a file', [directory('b'), file('b/x', '')], 'a/ a/one a/sub/ a/sub/three a/two b/ b/x'],
])('%s: an overlay and a merge show the same', async (_, upper, paths) => {
  expect(await shown(await layers(lower, upper))).toBe(paths)
  expect(await merged(lower, upper)).toBe(paths)
})

test('a whiteout hides what two layers below have, and a later layer may bring it back', async () => {
  const lists = [lower, [file('a/one', 'new'), whiteout('b')], [whiteout('a')], [directory('a'), file('b', 'back')]]
  const directories = await layers(...lists)
  expect(await shown(directories)).toBe('a/ b')
  expect(await merged(...lists)).toBe('a/ b')
  expect(await shown(directories.slice(0, 2))).toBe('a/ a/one a/sub/ a/sub/three a/two')
})

test('whiteouts are kept as fuse-overlayfs and the kernel know them, and none where lower layers do not show', async () => {
  const [target] = await layers([
    whiteout('gone'),
    opaque('o'),
    whiteout('o/x'),
    file('o/y', ''),
    whiteout('o/y'),
    directory('d'),
  ])
  const channel = await targets.open(target ?? '')
  expect(await listOf(channel, '', { raw: true })).toEqual([
    'directory',
    'directory d',
    'whiteout gone',
    'directory o',
    'opaque o',
    'file o/y',
  ])
  const seen = "s = os.lstat('gone'); print(stat.S_ISCHR(s.st_mode), s.st_rdev, os.listxattr('o'))"
  expect(await targets.python(target ?? '', seen)).toBe("True 0 ['user.overlay.opaque']\n")
})

test('an opaque root: a merge starts afresh; overlayfs shows lower layers through a root in any case, but the mark is there', async () => {
  const upper = [opaque(''), file('new', '')]
  expect(await merged(lower, upper)).toBe('new')
  const [target = ''] = await layers(upper)
  expect(await listOf(await targets.open(target), '', { raw: true })).toEqual(['directory', 'opaque', 'file new'])
})

test('no hard link makes another whiteout', async () => {
  const channel = await targets.open(await targets.directory())
  const error = await errorOf(apply(channel, [whiteout('gone'), hardlink('x', 'gone')]))
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARCHIVE', step: 'missing' })
})

test('a file system without user attributes gets marks that are files', async ({ skip }) => {
  const session = targets.session
  // A tmpfs of a user namespace has user attributes from Linux 6.6 on; ramfs has none.
  const plan = new Plan()
  const [root, listener] = [plan.slot(), plan.slot()]
  const socket = join(session.directory, 'files-ramfs')
  plan.listen(listener, socket).newMount(root, 'ramfs', [], 0).enterRoot(root).files(listener)
  await using worker = await session.client
    .spawn({ kind: 'helper', plan })
    .catch((error: unknown) => skip(String(error)))
  const channel = await FileChannel.connect(socket)
  const summary = await apply(channel, [opaque('o'), whiteout('o/x'), file('o/y', ''), whiteout('z')])
  expect(summary).toMatchObject({ markedByFiles: true, warnings: [] })
  expect(await listOf(channel, '', { raw: true })).toEqual([
    'directory',
    'directory o',
    'opaque o',
    'file o/y',
    'whiteout z',
  ])
  expect(worker.handle).toBeGreaterThan(0)
})

test('an upper directory can be written to after a container has used it, again and again', async () => {
  const [lowest = ''] = await layers(lower)
  const place = await targets.directory("os.mkdir('upper'); os.mkdir('work')")
  const target = { kind: 'overlay', lowers: [lowest], upper: join(place, 'upper'), work: join(place, 'work') } as const
  for (const round of [1, 2, 3]) {
    await using worker = await FileWorker.start(targets.session, target)
    const channel = await worker.connect()
    await apply(channel, [file(`a/${round}`, 'x'), whiteout('b'), file('a/one', 'changed')], mergeOptions)
  }
  const channel = await targets.open(join(place, 'upper'))
  expect(await listOf(channel, '', { raw: true })).toEqual([
    'directory',
    'directory a',
    ...['1', '2', '3', 'one'].map((name) => `file a/${name}`),
    'whiteout b',
  ])
  expect(existsSync(join(place, 'work'))).toBe(true)
})

test('a merge into a directory with things of its own', async () => {
  const target = await targets.directory(
    "os.makedirs('real/sub'); os.chmod('real', 0o700); os.symlink('real', 'link'); os.symlink('nowhere', 'dangling')",
  )
  const channel = await targets.open(target)
  await apply(
    channel,
    [
      directory('link', { mode: 0o777 }),
      file('link/file', 'x'),
      directory('dangling'),
      whiteout('no/such'),
      opaque('none'),
    ],
    mergeOptions,
  )
  expect(await pathsOf(channel)).toBe('dangling/ link real/ real/file real/sub/')
  expect((await channel.stat('real', { follow: false }))?.mode).toBe(0o700)
  await apply(channel, [symlink('new', 'real'), opaque('real'), whiteout('link')], mergeOptions)
  expect(await pathsOf(channel)).toBe('dangling/ new real/')
})
