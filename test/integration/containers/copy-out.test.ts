import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, FixtureOptions } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, isSingleId, shell } from '../../support/containers.ts'
import { drivers } from '../../support/drivers.ts'
import { localImage } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-copy-out-'))
afterAll(() => rmSync(parent, { recursive: true }))
const image = localImage([tinyRoot(parent).path])
const sleeping: FixtureOptions = { image, command: ['sleep', '600'] }
const MADE = `mkdir -p /tree/empty /tree/sub/deep; cd /tree; echo one > file; ln file sub/hard; ln -s ../file sub/soft
  ln -s /etc/passwd away; echo x > 'sub/new
line'; echo g > sub/größe; cp /bin/busybox tool; chmod 6755 tool; chmod 700 sub; chmod 3777 empty; echo secret > sub/deep/key
  chmod 0 sub/deep/key; dd if=/dev/zero of=sparse bs=1 count=1 seek=40000000 2>/dev/null
  touch -d @1500000000 file empty; mknod pipe p; mkdir locked; echo l > locked/in; chmod 0 locked`
let count = 0
const fresh = (): string => join(parent, `copy-${count++}`)

describe.each(drivers)('with $storage', ({ storage, missing }) => {
  describe.each(['running', 'stopped'])('a %s container', (state) => {
    let container: Container
    beforeAll(async () => {
      if (missing) return
      container = await withContainer({ ...sleeping, storage })
      const owner = isSingleId ? '' : '; chown -R 1000:1001 sub file'
      expect(await shell(container, `${MADE}${owner}`)).toBe('')
      if (state === 'stopped') await container.stop({ timeout: 0 })
    })
    afterAll(() => container[Symbol.asyncDispose]())

    test.skipIf(missing)('gives a directory that is all the caller own', async () => {
      // FUSE file systems do not tell where holes are.
      await copyTree(container, storage !== 'fuse-overlayfs')
    })

    test.skipIf(missing)('gives a tar that GNU tar takes, with the owners of the container', async () => {
      const archive = fresh()
      const { writeFile } = await import('node:fs/promises')
      await writeFile(archive, await container.copyOut('/tree'))
      const lines = execFileSync('tar', ['--numeric-owner', '-tvf', archive, '--quoting-style=escape']).toString()
      const owner = isSingleId ? '0/0' : '1000/1001'
      expect(lines).toMatch(new RegExp(`-rw-r--r-- ${owner} +4 .* tree/file\n`))
      expect(lines).toMatch(/h.* tree\/sub\/hard link to tree\/file\n/)
      expect(lines).toMatch(/-rwsr-sr-x 0\/0 .* tree\/tool\n/)
      expect(lines).toMatch(/prw.* tree\/pipe\n/)
      expect(lines).toContain('tree/sub/new\\nline\n')
      const options = ['-C', parent, '--transform', 's,^tree,unpacked,', '--no-same-owner']
      execFileSync('tar', [...options, '-xf', archive, 'tree/file', 'tree/sparse', 'tree/empty'])
      expect(statSync(join(parent, 'unpacked/sparse')).size).toBe(40_000_001)
      expect(Math.floor(statSync(join(parent, 'unpacked/file')).mtimeMs / 1000)).toBe(1_500_000_000)
    })
  })
})

async function copyTree(container: Container, hasHoles: boolean): Promise<void> {
  const to = join(fresh(), 'with/parents')
  await container.copyOut('/tree', to)
  const at = (name: string): string => join(to, name)
  const modeOf = (name: string): string => (lstatSync(at(name)).mode & 0o7777).toString(8)
  expect(readdirSync(to)).toEqual(['away', 'empty', 'file', 'locked', 'sparse', 'sub', 'tool'])
  expect(readdirSync(at('sub'))).toEqual(['deep', 'größe', 'hard', 'new\nline', 'soft'])
  expect([readlinkSync(at('away')), readlinkSync(at('sub/soft'))]).toEqual(['/etc/passwd', '../file'])
  expect(['tool', 'sub', 'empty', 'sub/deep/key', 'locked'].map(modeOf)).toEqual(['755', '700', '1777', '0', '0'])
  expect(statSync(at('file')).ino).toBe(statSync(at('sub/hard')).ino)
  expect([statSync(at('file')).mtimeMs, statSync(at('empty')).mtimeMs]).toEqual([1_500_000_000_000, 1_500_000_000_000])
  expect(statSync(at('sparse'))).toMatchObject({ size: 40_000_001 })
  if (hasHoles) expect(statSync(at('sparse')).blocks).toBeLessThan(2000)
  expect(readFileSync(at('tool')).equals(readFileSync(join(image.layers[0]!.directory, 'bin/busybox')))).toBe(true)
  execFileSync('chmod', ['-R', 'u+rwX', to])
  const owners = execFileSync('find', [to, '-printf', '%U:%G\\n']).toString().trim().split('\n')
  expect(new Set(owners)).toEqual(new Set([`${process.getuid?.()}:${process.getgid?.()}`]))
  expect(readFileSync(at('locked/in'), 'utf8')).toBe('l\n')
}

describe('a destination', () => {
  let container: Container
  beforeAll(async () => {
    container = await withContainer(sleeping)
    await shell(container, 'mkdir -p /out/a /out/b; echo 1 > /out/a/one; echo 2 > /out/two; ln -s a /out/b/link')
  })
  afterAll(() => container[Symbol.asyncDispose]())
  const failure = (path: string, to: string) => errorOf(container.copyOut(path, to))

  test('that is there is merged, its directories keep what they are', async () => {
    const to = fresh()
    mkdirSync(join(to, 'a'), { recursive: true, mode: 0o700 })
    writeFileSync(join(to, 'a/one'), 'old')
    writeFileSync(join(to, 'a/kept'), 'kept')
    await container.copyOut('/out', to)
    expect(readFileSync(join(to, 'a/one'), 'utf8')).toBe('1\n')
    expect(readFileSync(join(to, 'a/kept'), 'utf8')).toBe('kept')
    expect(statSync(to).mode & 0o777).toBe(0o700)
    await container.copyOut('/out', to)
    await container.copyOut('/out/two', join(to, 'two'))
  })

  test('that is a directory is not replaced by a file, nor a file by a directory', async () => {
    const to = fresh()
    mkdirSync(join(to, 'two/full'), { recursive: true })
    expect(await failure('/out/two', to)).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EISDIR', detail: to })
    expect(await failure('/out', to)).toMatchObject({ code: 'ERR_FILE_FAILED', detail: join(to, 'two') })
    expect(existsSync(join(to, 'two/full'))).toBe(true)
    const file = fresh()
    writeFileSync(file, 'x')
    expect(await failure('/out', file)).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'ENOTDIR' })
    expect(await failure('/out', join(file, 'below'))).toMatchObject({ code: 'ERR_FILE_FAILED' })
    expect(readFileSync(file, 'utf8')).toBe('x')
  })

  test('that is a device is not touched', async () => {
    expect(await failure('/out/two', '/dev/full')).toMatchObject({ code: 'ERR_FILE_FAILED' })
    expect(await failure('/out/two', '/dev/null')).toMatchObject({ code: 'ERR_FILE_FAILED', errno: 'EEXIST' })
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  })

  test('may be a link to a directory; links below it are replaced, or refused, and never followed', async () => {
    const [to, real, other] = [fresh(), fresh(), fresh()]
    mkdirSync(real)
    mkdirSync(join(other, 'a'), { recursive: true })
    writeFileSync(join(other, 'two'), 'untouched')
    symlinkSync(real, to)
    symlinkSync(join(other, 'two'), join(real, 'two'))
    await container.copyOut('/out', to)
    expect([readFileSync(join(real, 'two'), 'utf8'), readFileSync(join(other, 'two'), 'utf8')]).toEqual([
      '2\n',
      'untouched',
    ])
    rmSync(join(real, 'a'), { recursive: true })
    symlinkSync(join(other, 'a'), join(real, 'a'))
    expect(await failure('/out', to)).toMatchObject({ code: 'ERR_FILE_FAILED', detail: join(to, 'a') })
    expect(readdirSync(join(other, 'a'))).toEqual([])
  })

  test('that may not be written to, or has no room, is said', async () => {
    expect(await failure('/out', '/proc/x')).toMatchObject({ code: 'ERR_FILE_FAILED' })
    if (process.getuid?.() !== 0) expect(await failure('/out', '/root-only')).toMatchObject({ errno: 'EACCES' })
  })

  test('gets nothing from what is missing, or neither file nor directory', async () => {
    const to = fresh()
    for (const path of ['/missing', '/out/two/below', '/missing/deep']) {
      expect(await failure(path, to)).toMatchObject({ code: 'ERR_PATH_MISSING', detail: path })
    }
    await shell(container, 'mknod /out/pipe p')
    for (const path of ['/out/pipe', '/dev/null'])
      expect(await failure(path, to)).toMatchObject({ code: 'ERR_FILE_FAILED' })
    await shell(container, 'rm /out/pipe')
    expect(existsSync(to)).toBe(false)
  })

  test('gets a link as a link, and the whole root without what is mounted', async () => {
    const [link, root] = [fresh(), fresh()]
    await container.copyOut('/out/b/link', link)
    expect(readlinkSync(link)).toBe('a')
    await container.copyOut('/', root)
    expect(readdirSync(join(root, 'proc'))).toEqual([])
    expect(readFileSync(join(root, 'out/two'), 'utf8')).toBe('2\n')
  })
})
