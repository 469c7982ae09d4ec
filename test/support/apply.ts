import type { ApplyOptions, ApplySummary } from '../../src/rootless/files/apply-options.ts'
import type { FileChannel } from '../../src/rootless/files/file-channel.ts'
import type { FileEntry, FileKind } from '../../src/rootless/files/file-entry.ts'

/** An entry for tests: root's, 0644, with only what matters said. */
export function entryOf(kind: FileKind, path: string, more: Partial<FileEntry> = {}): FileEntry {
  const usual = { mode: 0o644, uid: 0, gid: 0, mtime: 1_000_000, mtimeNs: 0, size: 0, link: '', device: 0 }
  return { kind, path, ...usual, xattrs: new Map(), ...more }
}

/** A directory, which others may enter. */
export const directory = (path: string, more: Partial<FileEntry> = {}): FileEntry =>
  entryOf('directory', path, { mode: 0o755, ...more })

/** A link. */
export const symlink = (path: string, link: string): FileEntry => entryOf('symlink', path, { link })

/** A second name. */
export const hardlink = (path: string, link: string): FileEntry => entryOf('hardlink', path, { link })

export const whiteout = (path: string): FileEntry => entryOf('whiteout', path)

export const opaque = (path: string): FileEntry => entryOf('opaque', path)

/** A file with its content. */
export function file(
  path: string,
  content: string,
  more: Partial<FileEntry> = {},
): readonly [entry: FileEntry, content: Buffer] {
  const bytes = Buffer.from(content)
  return [entryOf('file', path, { size: bytes.length, ...more }), bytes]
}

/** What {@link apply} writes. */
export type Written = FileEntry | readonly [entry: FileEntry, content: Buffer]

export const layerOptions: ApplyOptions = {
  mode: 'layer',
  base: '',
  flattenOwners: false,
  limits: { entries: 200_000, bytes: 2 ** 40, depth: 200 },
  overwrite: true,
}

export const mergeOptions: ApplyOptions = { ...layerOptions, mode: 'merge' }

/** One whole apply. */
export async function apply(
  channel: FileChannel,
  entries: readonly Written[],
  options: ApplyOptions = layerOptions,
): Promise<ApplySummary> {
  channel.begin(options)
  const [written] = await Promise.allSettled([write(channel, entries)])
  // In any case, because it brings the channel back in step; an error of the worker's is its answer.
  const summary = await channel.finish()
  if (written.status === 'rejected') throw written.reason
  return summary
}

async function write(channel: FileChannel, entries: readonly Written[]): Promise<void> {
  for (const each of entries) {
    const [entry, content] = Array.isArray(each) ? (each as [FileEntry, Buffer]) : [each as FileEntry]
    await channel.entry(entry)
    if (content) await channel.data(content)
  }
}
