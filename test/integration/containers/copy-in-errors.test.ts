import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container, CopyInOption, FixtureOptions } from '../../../src/index.ts'
import { withContainer } from '../../../src/index.ts'
import { checkLeftovers, errorOf, isSingleId, shell } from '../../support/containers.ts'
import { localImage } from '../../support/local-image.ts'
import { tinyRoot } from '../../support/rootfs.ts'

checkLeftovers()
const parent = mkdtempSync(join(tmpdir(), 'airplant-copy-in-'))
afterAll(() => rmSync(parent, { recursive: true }))
const base = tinyRoot(parent)
base.write('/etc/inside/file', 'inside')
base.write('/etc/plain', 'plain')
symlinkSync('loop', join(base.path, 'loop'))
const sleeping: FixtureOptions = { image: localImage([base.path]), command: ['sleep', '600'] }
const isRoot = process.getuid?.() === 0
let container: Container

beforeAll(async () => {
  container = await withContainer({ ...sleeping, tmpfs: [{ target: '/small', size: '1m' }] })
})
afterAll(() => container[Symbol.asyncDispose]())

async function refusal(option: CopyInOption, of: Container = container): Promise<{ code: string; message: string }> {
  const { code, message, hint } = await errorOf(of.copyIn(option))
  expect(hint).toBeTruthy()
  return { code, message: message.split('\n')[0] ?? '' }
}

describe('what cannot be a source', () => {
  test('something that is not there, and a pattern without a match', async () => {
    for (const source of [join(parent, 'missing'), join(parent, '*.none'), join(parent, 'missing/*')]) {
      expect(await refusal({ source, target: '/x' })).toEqual({
        code: 'ERR_SOURCE_MISSING',
        message: `Cannot copy "${source}": no such file, directory or match`,
      })
    }
  })

  test.skipIf(isRoot)('what the caller may not read', async () => {
    mkdirSync(join(parent, 'locked/dir'), { recursive: true })
    writeFileSync(join(parent, 'locked/file'), 'secret', { mode: 0 })
    expect(await refusal({ source: join(parent, 'locked'), target: '/x' })).toMatchObject({
      code: 'ERR_SOURCE_MISSING',
      message: `Cannot copy "${join(parent, 'locked/file')}": EACCES`,
    })
    rmSync(join(parent, 'locked/file'))
    chmodSync(join(parent, 'locked/dir'), 0)
    expect((await refusal({ source: join(parent, 'locked'), target: '/x' })).message).toContain('locked/dir": EACCES')
    chmodSync(join(parent, 'locked/dir'), 0o700)
  })

  test('a device or a socket; in a directory they are left out', async () => {
    expect(await refusal({ source: '/dev/null', target: '/x' })).toMatchObject({ code: 'ERR_SOURCE_MISSING' })
    mkdirSync(join(parent, 'odd'))
    const server = createServer().listen(join(parent, 'odd/socket'))
    await once(server, 'listening')
    await container.copyIn({ source: join(parent, 'odd'), target: '/odd' })
    server.close()
    expect(await shell(container, 'ls /odd | wc -l')).toBe('0')
  })

  test('a name that is not UTF-8, which would become another', async () => {
    const directory = join(parent, 'latin1')
    mkdirSync(directory)
    spawnSync('sh', ['-c', 'touch "$(printf "caf\\351")"'], { cwd: directory })
    expect(await refusal({ source: directory, target: '/x' })).toEqual({
      code: 'ERR_FILE_FAILED',
      message: `Cannot copy "${directory}": "café", a name or link there, is not UTF-8 (shown as Latin-1)`,
    })
  })

  test('a tar that is none, is cut off, or tries to leave its place', async () => {
    const of = async (tar: Uint8Array): Promise<string> => (await refusal({ tar, target: '/tmp/tar' })).code
    expect(await of(Buffer.from('no archive at all'.repeat(100)))).toBe('ERR_INVALID_ARCHIVE')
    const whole = execFileSync('tar', ['-C', base.path, '-c', 'etc/plain', 'etc/inside'])
    expect(await of(whole.subarray(0, 1300))).toBe('ERR_INVALID_ARCHIVE')
    const parentName = execFileSync('tar', ['-C', base.path, '--transform=s,^,../../,', '-Pc', 'etc/plain'])
    expect(await of(parentName)).toBe('ERR_UNSAFE_ARCHIVE')
    expect(await shell(container, 'ls /etc /tmp')).not.toContain('../')
  })

  test('options that contradict each other, or are none', async () => {
    const of = async (option: object): Promise<string> => (await refusal(option as CopyInOption)).code
    for (const option of [
      ...[{ target: '/x' }, { target: '/x', content: '', source: '/etc' }, { target: 'x', content: '' }],
      ...[
        { target: '/x', contents: '' },
        { target: '/x', content: '', owner: 'root' },
      ],
      ...[
        { target: '/x', content: '', mode: -1 },
        { target: '/x\0', content: '' },
        { target: '/x', tar: 'text' },
      ],
    ]) {
      expect(await of(option)).toBe('ERR_INVALID_OPTION')
    }
    await container.copyIn({ target: '/not/made', content: 'x' })
    const second = [{ target: '/not/second', content: 'x' }, { target: 'bad' }] as CopyInOption[]
    expect(await errorOf(container.copyIn(second))).toMatchObject({ code: 'ERR_INVALID_OPTION' })
    expect(await shell(container, 'ls /not')).toBe('made')
  })
})

describe('what cannot be a target', () => {
  test('a directory for a file, and a file for a directory: nothing is deleted', async () => {
    expect(await refusal({ content: 'x', target: '/etc' })).toMatchObject({
      code: 'ERR_FILE_FAILED',
      message: 'Cannot make "etc": there is a directory already',
    })
    expect(await refusal({ content: 'x', target: '/' })).toMatchObject({ code: 'ERR_FILE_FAILED' })
    mkdirSync(join(parent, 'tree/plain'), { recursive: true })
    writeFileSync(join(parent, 'tree/inside'), '')
    expect(await refusal({ source: join(parent, 'tree'), target: '/etc' })).toMatchObject({
      code: 'ERR_FILE_FAILED',
      message: 'Cannot make "etc/inside": there is a directory already',
    })
    rmSync(join(parent, 'tree/inside'))
    expect(await refusal({ source: join(parent, 'tree'), target: '/etc' })).toMatchObject({
      message: 'Cannot make "etc/plain": what is there already is no directory',
    })
    expect(await shell(container, 'cat /etc/inside/file /etc/plain')).toBe('insideplain')
  })

  test('what lies below a file, in a circle of links, or has too long a name', async () => {
    for (const target of ['/etc/plain/x', '/loop/x', `/${'n'.repeat(256)}`, `/${'long/'.repeat(1000)}x`]) {
      expect(await refusal({ content: 'x', target })).toMatchObject({
        code: expect.stringMatching(/^ERR_(FILE_FAILED|UNSAFE_ARCHIVE|PATH_MISSING)$/) as string,
      })
    }
  })

  test('the kernel files, which nobody else may write to either', async () => {
    for (const target of ['/proc/sys/kernel/hostname', '/sys/x', '/proc/self/attr/exec']) {
      expect(await refusal({ content: 'x', target })).toMatchObject({ code: 'ERR_FILE_FAILED' })
    }
  })

  test('the devices, which stay what they are', async () => {
    for (const target of ['/dev/full', '/dev/null', '/dev/new']) {
      expect(await refusal({ content: 'x', target })).toMatchObject({ code: 'ERR_FILE_FAILED' })
    }
    expect(await shell(container, 'stat -c %F /dev/full')).toBe('character special file')
  })

  test('a full file system says so, and a read-only root', async () => {
    expect(await refusal({ content: Buffer.alloc(2_000_000, 1), target: '/small/big' })).toMatchObject({
      code: 'ERR_DISK_FULL',
    })
    await withContainer({ ...sleeping, readOnly: true }, async (fixed) => {
      expect(await refusal({ content: 'x', target: '/etc/new' }, fixed)).toMatchObject({ code: 'ERR_FILE_FAILED' })
      expect((await errorOf(fixed.copyIn({ content: 'x', target: '/etc/new' }))).hint).toContain('read-only')
    })
  })

  test.skipIf(isSingleId)('an owner that is not mapped', async () => {
    const owner = 4_000_000_000
    expect(await refusal({ content: 'x', target: '/x', owner })).toMatchObject({ code: 'ERR_UNMAPPED_OWNER' })
  })

  test('a container on the host image that has ended, or one that was removed', async () => {
    const ended = await withContainer({ command: ['true'] })
    await ended.wait()
    expect(await refusal({ content: 'x', target: '/tmp/x' }, ended)).toMatchObject({ code: 'ERR_NOT_RUNNING' })
    await ended[Symbol.asyncDispose]()
    const removed = await withContainer(sleeping)
    await removed[Symbol.asyncDispose]()
    const { code, message } = await refusal({ content: 'x', target: '/x' }, removed)
    expect(code).toBe('ERR_NOT_RUNNING')
    expect(message).toContain('it was removed')
  })
})

test('the host image is copied to where it can be written to', async () => {
  await withContainer({ command: ['sleep', '600'] }, async (host) => {
    await host.copyIn({ content: 'x', target: '/tmp/copied' })
    expect(await shell(host, 'cat /tmp/copied')).toBe('x')
    expect(await refusal({ content: 'x', target: '/usr/copied' }, host)).toMatchObject({ code: 'ERR_FILE_FAILED' })
  })
})
