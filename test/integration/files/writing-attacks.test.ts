import { afterAll, beforeAll, expect, test } from 'vitest'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Written } from '../../support/apply.ts'
import { apply, directory, entryOf, file, hardlink, mergeOptions, layerOptions, symlink } from '../../support/apply.ts'
import { errorOf } from '../../support/containers.ts'
import type { FileTargets } from '../../support/file-target.ts'
import { fileTargets, listOf } from '../../support/file-target.ts'
import { watchLeftovers } from '../../support/leftovers.ts'

const left = watchLeftovers()
const outside = mkdtempSync(join(tmpdir(), 'airplant-outside-'))
const secret = join(outside, 'secret')
let targets: FileTargets

beforeAll(async () => {
  targets = await fileTargets()
  writeFileSync(secret, 'secret', { mode: 0o640 })
})
afterAll(async () => {
  expect(readdirSync(outside)).toEqual(['secret'])
  expect(readFileSync(secret, 'utf8')).toBe('secret')
  expect(statSync(secret)).toMatchObject({ nlink: 1 })
  expect(statSync(secret).mode & 0o777).toBe(0o640)
  rmSync(outside, { recursive: true })
  await targets[Symbol.asyncDispose]()
  await left.assertNone()
})

const modes = [layerOptions, mergeOptions]

test.each([
  ['an absolute name', [file('/etc/passwd', 'x')]],
  ['".." first', [file('../x', 'x')]],
  ['".." inside', [directory('a'), file('a/../../x', 'x')]],
  ['".." last', [directory('a/..')]],
  ['only ".."', [directory('..')]],
  ['"."', [file('a/./b', '')]],
  ['an empty component', [file('a//b', '')]],
  ['a slash at the end', [directory('a/')]],
  ['a NUL', [file('a\0b', 'x')]],
  ['a hard link to an absolute name', [hardlink('a', secret)]],
  ['a hard link upwards', [hardlink('a', '../../../../../../etc/passwd')]],
  ['a hard link to nothing named', [hardlink('a', '')]],
  ['a link loop as a parent', [symlink('a', 'b'), symlink('b', 'a'), file('a/x', '')]],
])('%s is refused, and names the entry', async (_, entries: Written[]) => {
  for (const options of modes) {
    const channel = await targets.open(await targets.directory())
    const error = await errorOf(apply(channel, entries, options))
    expect(error).toMatchObject({ code: 'ERR_UNSAFE_ARCHIVE' })
    expect(error.message).toMatch(/^Cannot make ".*": /)
    expect(error.hint).toContain('do not use it')
  }
})

test('a name below a link stays in the target, wherever the link points', async () => {
  for (const options of modes) {
    const target = await targets.directory()
    const channel = await targets.open(target)
    await apply(
      channel,
      [
        symlink('absolute', outside),
        file('absolute/secret', 'forged', { mode: 0o777 }),
        symlink('up', '../../../../../../../../../../../../../../..' + outside),
        directory('up', options === layerOptions ? {} : { mode: 0o777 }),
        file('up/new', 'forged'),
        symlink('self', '/proc/self/root'),
        file('self/new', 'forged'),
        symlink('var/run', '/run'),
        file('var/run/pid', '1'),
      ],
      options,
    )
    const list = await listOf(channel, '')
    expect(list).toContain(`file ${outside.slice(1)}/secret`)
    expect(list).toContain('file proc/self/root/new')
    expect(list).toContain('file run/pid')
    // In a layer a directory replaces the link; a copy keeps the link of the container, and what it leads to.
    expect(list).toContain(options === layerOptions ? 'file up/new' : `file ${outside.slice(1)}/new`)
  }
})

test('a hard link gets no further than its target directory, not through links either', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  await apply(channel, [symlink('out', outside), directory('d'), symlink('to-secret', secret)])
  for (const link of ['out/secret', 'd', 'missing', 'd/missing']) {
    const error = await errorOf(apply(channel, [hardlink('x', link)]))
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARCHIVE', step: 'missing', detail: 'x' })
    expect(error.message).toContain(`there is no file "${link}"`)
  }
  await apply(channel, [hardlink('y', 'to-secret'), file('y', 'written to the name, not through the link')])
  expect(await listOf(channel, '')).toEqual(['directory', 'directory d', 'symlink out', 'symlink to-secret', 'file y'])
})

test('a parent that becomes a link between two entries leads nowhere', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  await apply(channel, [
    directory('a', { mode: 0o700 }),
    file('a/one', '1'),
    symlink('a', outside),
    file('a/two', '2'),
    directory('b/c', { mode: 0o777, mtime: 9 }),
    directory('victim/c', { mode: 0o700, mtime: 8 }),
    symlink('b', 'victim'),
  ])
  const list = await listOf(channel, '')
  expect(list).toContain('symlink a')
  expect(list).toContain(`file ${outside.slice(1)}/two`)
  expect(list).not.toContain('file a/one')
  // Modes are set at the end, when b leads to victim: to the directory that was meant, or to none.
  expect(await channel.stat('victim/c', { follow: false })).toMatchObject({ mode: 0o700, mtime: 8 })
})

test('modes, owners, times and attributes are never set through a link', async () => {
  const target = await targets.directory(`open('file', 'w'); os.chmod('file', 0o600); os.utime('file', (1, 1))`)
  const channel = await targets.open(target)
  const xattrs = new Map([['user.key', Buffer.from('x')]])
  const { warnings } = await apply(channel, [
    entryOf('symlink', 'link', { link: 'file', mode: 0o777, xattrs }),
    entryOf('symlink', 'out', { link: secret, mode: 0o777, xattrs }),
  ])
  expect(warnings).toEqual(['Extended attributes of "link" were not kept: it is no file or directory'])
  expect(await channel.stat('file', { follow: false })).toMatchObject({ mode: 0o600, mtime: 1, xattrs: new Map() })
})

test('a container that swaps directories for links meanwhile gains nothing', async () => {
  const target = await targets.directory(`os.mkdir('swap'); os.symlink('${outside}', 'link'); os.mkdir('real')`)
  const channel = await targets.open(target)
  const swapping = targets.python(
    target,
    `end = time.time() + 2
while time.time() < end:
  for a, b in [('swap', 'aside'), ('link', 'swap'), ('swap', 'link'), ('aside', 'swap')]:
    try: os.rename(a, b)
    except OSError: pass`,
  )
  for (const end = performance.now() + 1800; performance.now() < end;) {
    const entries = Array.from({ length: 50 }, (_, index) => [
      file(`swap/${index}`, 'forged', { mode: 0o666 }),
      directory('swap', { mode: 0o777 }),
      directory('real'),
    ]).flat() as Written[]
    await apply(channel, entries, mergeOptions).catch(() => undefined)
  }
  await swapping
  expect(readdirSync(outside)).toEqual(['secret'])
  expect(existsSync(join(outside, '0'))).toBe(false)
})

test('deep nesting, long names and odd bytes', async () => {
  const target = await targets.directory()
  const channel = await targets.open(target)
  const deep = Array.from({ length: 200 }, () => 'd').join('/')
  const parents = Array.from({ length: 200 }, (_, index) => directory(deep.slice(0, 2 * index + 1)))
  await apply(channel, [...parents, file(`${deep.slice(0, -2)}/f`, '')])
  const limited = await errorOf(apply(channel, [directory(`${deep}/d`)]))
  expect(limited).toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' })
  expect(limited.message).toContain('more than 200 directories deep')
  const longest = 'é'.repeat(127) + 'x'
  await apply(channel, [file(longest, ''), file(`${longest}2`.slice(2), '')])
  const named = await errorOf(apply(channel, [file(`${longest}y`, '')]))
  expect(named).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'ENAMETOOLONG' })
  const path = Array.from({ length: 180 }, () => 'x'.repeat(30)).join('/')
  expect(await errorOf(apply(channel, [file(path, '')]))).toMatchObject({ errno: 'ENAMETOOLONG' })
  const odd = ['new\nline', ' ', '-rf', '\\', '*', '\u001b[31m', '\ufffd', '...']
  await apply(
    channel,
    odd.map((name) => file(`odd/${name}`, '')),
    mergeOptions,
  )
  expect((await listOf(channel, 'odd')).sort()).toEqual(
    ['directory', ...odd.map((name) => `file ${name}`.trimEnd())].sort(),
  )
})

test('names that only an archive could give a layer are refused', async () => {
  const channel = await targets.open(await targets.directory())
  for (const name of ['.wh.x', 'd/.wh..wh..opq', '.wh.']) {
    expect(await errorOf(apply(channel, [file(name, '')]))).toMatchObject({ code: 'ERR_UNSAFE_ARCHIVE' })
  }
  await apply(channel, [entryOf('character', 'forged', { device: 0 })])
  expect(await listOf(channel, '', { raw: true })).toEqual(['directory'])
  expect(await apply(channel, [file('.wh.kept', '')], mergeOptions)).toMatchObject({ entries: 1 })
})
