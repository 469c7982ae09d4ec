import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readArchive, type ReadEntry } from './read-events.ts'

const directory = mkdtempSync(join(tmpdir(), 'airplant-dialects-'))
const long = `${'directory-with-a-long-name/'.repeat(6)}file-with-a-long-name`
const hasBsdtar = canRun('bsdtar', '--version')

function canRun(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

beforeAll(() => {
  const tree = join(directory, 'tree')
  mkdirSync(join(tree, long, '..'), { recursive: true })
  writeFileSync(join(tree, 'file'), 'content\n', { mode: 0o640 })
  writeFileSync(join(tree, 'ünïcode'), 'ü')
  writeFileSync(join(tree, 'empty'), '')
  writeFileSync(join(tree, long), 'long')
  linkSync(join(tree, 'file'), join(tree, 'hard'))
  symlinkSync('file', join(tree, 'link'))
  utimesSync(join(tree, 'file'), 1_600_000_000.5, 1_600_000_000.5)
  const sparse = openSync(join(tree, 'sparse'), 'w')
  for (let index = 0; index < 40; index++)
    writeSync(sparse, Buffer.alloc(4096, 65 + index), 0, 4096, index * 65_536 + 8192)
})
afterAll(() => rmSync(directory, { recursive: true }))

function archive(program: string, ...args: string[]): Map<string, ReadEntry> {
  // tar's status is 2 when a name does not fit into v7, and all others are there.
  const { stdout } = spawnSync(program, [...args, '-cf', '-', 'tree'], { cwd: directory, maxBuffer: 2 ** 26 })
  const found = readArchive(stdout)
  for (const chunk of [777, 10_240]) expect(summaryOf(readArchive(stdout, { chunk }))).toBe(summaryOf(found))
  return new Map(found.map((entry) => [entry.name.replace(/^tree\//, '').replace(/\/$/, ''), entry]))
}

/** Buffers of megabytes are not for toEqual. */
function summaryOf(entries: readonly ReadEntry[]): string {
  return JSON.stringify(
    entries.map((entry) => ({ ...entry, content: createHash('sha256').update(entry.content).digest('hex') })),
  )
}

const sparseContent = Buffer.concat(
  Array.from({ length: 40 }, (_, index) => [
    Buffer.alloc(index === 0 ? 8192 : 61_440),
    Buffer.alloc(4096, 65 + index),
  ]).flat(),
)

describe.each(['v7', 'oldgnu', 'gnu', 'ustar', 'posix'])('GNU tar, format %s', (format) => {
  test('files, links and names', () => {
    const entries = archive('tar', `--format=${format}`, '--numeric-owner', '--sort=name')
    expect(entries.get('file')).toMatchObject({ type: 'file', mode: 0o640, size: 8, mtime: 1_600_000_000 })
    expect(entries.get('file')?.content.toString()).toBe('content\n')
    expect(entries.get('hard')).toMatchObject({ type: 'hardlink', linkName: 'tree/file', size: 0 })
    expect(entries.get('link')).toMatchObject({ type: 'symlink', linkName: 'file' })
    expect(entries.get('ünïcode')?.content.toString()).toBe('ü')
    expect(entries.get('empty')).toMatchObject({ size: 0 })
    expect(entries.get('')).toMatchObject({ type: 'directory' })
    expect(entries.get('sparse')?.content.equals(sparseContent)).toBe(true)
    // v7 has no room for it, and tar leaves it out.
    if (format !== 'v7') expect(entries.get(long)?.content.toString()).toBe('long')
    expect(entries.get('file')?.mtimeNs).toBe(format === 'posix' ? 500_000_000 : 0)
  })

  test('owners with large numbers', () => {
    const entries = archive('tar', `--format=${format}`, '--owner=:2000000', '--group=:2097151')
    expect(entries.get('file')).toMatchObject({ uid: 2_000_000, gid: 2_097_151 })
    if (format === 'v7' || format === 'ustar') return
    const huge = archive('tar', `--format=${format}`, '--owner=:4000000000', '--group=:2097152')
    expect(huge.get('file')).toMatchObject({ uid: 4_000_000_000, gid: 2_097_152 })
  })
})

describe('sparse files of GNU tar', () => {
  test.each([
    ['the old format', ['--format=gnu', '--sparse']],
    ['PAX 0.0', ['--format=posix', '--sparse-version=0.0']],
    ['PAX 0.1', ['--format=posix', '--sparse-version=0.1']],
    ['PAX 1.0', ['--format=posix', '--sparse-version=1.0']],
  ])('have their holes again: %s', (_, args) => {
    const entries = archive('tar', '--hole-detection=raw', ...args)
    const sparse = entries.get('sparse')
    expect(sparse).toMatchObject({ type: 'file', size: sparseContent.length })
    expect(sparse?.holes).toBe(8192 + 39 * 61_440)
    expect(sparse?.content.equals(sparseContent)).toBe(true)
    expect(entries.get('file')?.content.toString()).toBe('content\n')
    expect(entries.has('link')).toBe(true)
  })
})

describe.skipIf(!hasBsdtar)('bsdtar', () => {
  test.each(['ustar', 'pax', 'gnutar', 'v7'])('format %s', (format) => {
    const entries = archive('bsdtar', '--format', format)
    expect(entries.get('file')?.content.toString() || entries.get('hard')?.content.toString()).toBe('content\n')
    expect(entries.get('sparse')?.content.equals(sparseContent)).toBe(true)
    if (format !== 'v7') expect(entries.get(long)?.content.toString()).toBe('long')
  })
})

test('extended attributes that GNU tar writes', ({ skip }) => {
  const file = join(directory, 'tree', 'file')
  if (!canRun('setfattr', '-n', 'user.airplant', '-v', '0xff00fe', file))
    skip('setfattr or user attributes are missing')
  const entries = archive('tar', '--xattrs', '--format=posix')
  const [first] = [entries.get('file'), entries.get('hard')].filter((entry) => entry?.type === 'file')
  expect(first?.xattrs.get('user.airplant')).toEqual(Buffer.from('ff00fe', 'hex'))
})
