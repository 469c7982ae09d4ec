import { expect, test } from 'vitest'
import type { FileChange } from '../../../src/containers/files/diff.ts'
import { hideMountPoints } from '../../../src/containers/files/hide-mount-points.ts'
import type { FileEntry } from '../../../src/rootless/files/file-entry.ts'

type Entries = Record<string, Partial<FileEntry>>

const directory: Partial<FileEntry> = { kind: 'directory', mode: 0o755, uid: 0, gid: 0 }
const empty: Partial<FileEntry> = { kind: 'file', mode: 0o644, uid: 0, gid: 0, size: 0 }

/** Lines as docker has them, of which those stay that are returned. */
function shown(lines: readonly string[], image: Entries, upper: Entries): string[] {
  const kinds = { A: 'added', C: 'changed', D: 'deleted' } as const
  const changes = lines.map((line): FileChange => ({ kind: kinds[line[0] as 'A'], path: line.slice(2) }))
  const entries = (of: Entries): Map<string, FileEntry> => new Map(Object.entries(of) as [string, FileEntry][])
  const letter = ({ kind }: FileChange): string => kind.charAt(0).toUpperCase()
  return hideMountPoints(changes, entries(image), entries(upper)).map((each) => `${letter(each)} ${each.path}`)
}

test('empty mount points of the system and the directory that changed for them are hidden', () => {
  const upper = { dev: directory, proc: directory, etc: directory, 'etc/hosts': empty, f: empty }
  const lines = ['A /dev', 'C /etc', 'A /etc/hosts', 'A /f', 'A /proc']
  expect(shown(lines, { etc: directory }, upper)).toEqual(['A /f'])
})

test('a directory stays that something else changed in', () => {
  const upper = { etc: directory, 'etc/hosts': empty, 'etc/motd': empty }
  const lines = ['C /etc', 'A /etc/hosts', 'A /etc/motd']
  expect(shown(lines, { etc: directory }, upper)).toEqual(['C /etc', 'A /etc/motd'])
})

test('a directory stays from which something was deleted, or whose mode is another', () => {
  const upper = { etc: directory, 'etc/hosts': empty }
  expect(shown(['C /etc', 'A /etc/hosts', 'D /etc/motd'], { etc: directory }, upper)).toEqual(['C /etc', 'D /etc/motd'])
  const open = { ...upper, etc: { ...directory, mode: 0o777 } }
  expect(shown(['C /etc', 'A /etc/hosts'], { etc: directory }, open)).toEqual(['C /etc'])
})

test('what has content, or was in the image, is no mount point', () => {
  const full = { etc: directory, 'etc/hosts': { ...empty, size: 3 }, dev: directory, 'dev/x': empty }
  const lines = ['A /dev', 'A /dev/x', 'C /etc', 'A /etc/hosts']
  expect(shown(lines, { etc: directory }, full)).toEqual(lines)
  expect(shown(['C /sys'], { sys: directory }, { sys: { ...directory, mode: 0o700 } })).toEqual(['C /sys'])
})

test('a directory that only the mount points made is hidden', () => {
  expect(shown(['A /etc', 'A /etc/hosts'], {}, { etc: directory, 'etc/hosts': empty })).toEqual([])
})
