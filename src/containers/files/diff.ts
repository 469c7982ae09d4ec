import type { FileEntry } from '../../rootless/files/file-entry.ts'
import type { Session } from '../../rootless/session.ts'
import type { ContainerFiles } from './container-files.ts'
import { keepsNothing, openDirectory, upperOf } from './container-files.ts'
import { hideMountPoints } from './hide-mount-points.ts'

/** One line of a {@link diff}. */
export interface FileChange {
  readonly kind: 'added' | 'changed' | 'deleted'
  /** Absolute, in the container. */
  readonly path: string
}

type Entries = Map<string, FileEntry>

/**
 * What a container changed in its root, as `docker diff` tells it: sorted by path, of a deleted directory only itself, without the empty
 * places on which the system's mounts are.
 *
 * @throws {AirplantError} `ERR_NOT_RUNNING` for a container on the host image
 */
export async function diff(files: ContainerFiles): Promise<FileChange[]> {
  const { session, root, driver } = files
  if (!root) throw keepsNothing(files, 'compare')
  const before = await mergedEntries(session, root.lowers)
  const changes = driver === 'copy' ? await compareAll(files, before) : await compareUpper(files, before)
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** What layers (top first) show together, without content. */
async function mergedEntries(session: Session, lowers: readonly string[]): Promise<Entries> {
  const merged: Entries = new Map()
  for (const lower of lowers.toReversed()) {
    const layer = await rawEntries(session, lower)
    for (const { kind, path } of layer) {
      if (kind === 'whiteout' || kind === 'opaque') removeBelow(merged, path, kind === 'whiteout')
    }
    for (const entry of layer) {
      if (entry.kind === 'whiteout' || entry.kind === 'opaque') continue
      if (entry.kind !== 'directory' && merged.get(entry.path)?.kind === 'directory')
        removeBelow(merged, entry.path, true)
      merged.set(entry.path, entry)
    }
  }
  return merged
}

function removeBelow(entries: Entries, path: string, withItself: boolean): void {
  if (withItself) entries.delete(path)
  const prefix = path === '' ? '' : `${path}/`
  for (const name of [...entries.keys()]) if (name.startsWith(prefix) && name !== path) entries.delete(name)
}

async function rawEntries(session: Session, directory: string): Promise<FileEntry[]> {
  await using open = await openDirectory(session, directory)
  const entries: FileEntry[] = []
  for await (const { entry } of open.channel.read('', { raw: true, data: false })) entries.push(entry)
  return entries
}

async function compareUpper(files: ContainerFiles, before: Entries): Promise<FileChange[]> {
  const upper = await rawEntries(files.session, upperOf(files))
  const changes: FileChange[] = []
  const there = new Set(upper.filter(({ kind }) => kind !== 'whiteout').map(({ path }) => path))
  for (const { kind, path } of upper) {
    if (path === '') continue
    if (kind === 'opaque') changes.push(...hiddenBelow(path, before, there))
    else if (kind === 'whiteout') changes.push(change('deleted', path))
    else changes.push(change(before.has(path) ? 'changed' : 'added', path))
  }
  return hideMountPoints(changes, before, new Map(upper.map((entry) => [entry.path, entry])))
}

/** Children of a directory that was made anew; of what they hold nothing more is said. */
function hiddenBelow(path: string, before: Entries, there: ReadonlySet<string>): FileChange[] {
  const names = [...before.keys()].filter((name) => name.startsWith(`${path}/`) && !name.includes('/', path.length + 1))
  return names.filter((name) => !there.has(name)).map((name) => change('deleted', name))
}

async function compareAll(files: ContainerFiles, before: Entries): Promise<FileChange[]> {
  const after = new Map((await rawEntries(files.session, upperOf(files))).map((entry) => [entry.path, entry]))
  const changes: FileChange[] = []
  for (const [path, entry] of after) {
    const old = before.get(path)
    if (path === '') continue
    if (!old) changes.push(change('added', path))
    else if (isChanged(old, entry)) changes.push(change('changed', path))
  }
  const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
  const gone = [...before.keys()].filter((path) => path !== '' && !after.has(path))
  const tops = gone.filter((path) => parentOf(path) === '' || after.has(parentOf(path)))
  return hideMountPoints([...changes, ...tops.map((path) => change('deleted', path))], before, after)
}

function isChanged(old: FileEntry, entry: FileEntry): boolean {
  const facts = ({ kind, mode, uid, gid, size, link }: FileEntry): string =>
    [
      kind === 'hardlink' ? 'file' : kind,
      mode,
      uid,
      gid,
      kind === 'file' ? size : 0,
      kind === 'symlink' ? link : '',
    ].join()
  if (old.kind === 'hardlink' || entry.kind === 'hardlink') return old.mtime !== entry.mtime || old.mode !== entry.mode
  if (facts(old) !== facts(entry)) return true
  return entry.kind === 'file' && (old.mtime !== entry.mtime || old.mtimeNs !== entry.mtimeNs)
}

function change(kind: FileChange['kind'], path: string): FileChange {
  return { kind, path: `/${path}` }
}
