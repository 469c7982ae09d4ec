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
    const hiding = new Set(layer.filter(({ kind }) => kind !== 'directory').map(({ path }) => path))
    if (merged.size > 0 && hiding.size > 0) removeHidden(merged, hiding)
    for (const entry of layer) if (isFile(entry)) merged.set(entry.path, entry)
    for (const { kind, path } of layer) if (kind === 'whiteout') merged.delete(path)
  }
  return merged
}

/** Whether it is there, and no mark of an overlay. */
function isFile({ kind }: FileEntry): boolean {
  return kind !== 'whiteout' && kind !== 'opaque'
}

/** Takes away what lies below a whiteout, an opaque directory, or a file where there was a directory. */
function removeHidden(entries: Entries, hiding: ReadonlySet<string>): void {
  const hidden = new Map([['', hiding.has('')]])
  const isHidden = (directory: string): boolean => {
    let known = hidden.get(directory)
    if (known === undefined) hidden.set(directory, (known = hiding.has(directory) || isHidden(parentOf(directory))))
    return known
  }
  for (const path of entries.keys()) if (path !== '' && isHidden(parentOf(path))) entries.delete(path)
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
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
  const there = new Map(upper.filter(isFile).map((entry) => [entry.path, entry]))
  for (const { kind, path } of upper) {
    if (path === '') continue
    if (kind === 'opaque') changes.push(...hiddenBelow(path, before, there))
    else if (kind !== 'whiteout') changes.push(change(before.has(path) ? 'changed' : 'added', path))
    else if (before.has(path)) changes.push(change('deleted', path))
  }
  return hideMountPoints(changes, before, there)
}

/** Children of a directory that was made anew; of what they hold nothing more is said. */
function hiddenBelow(path: string, before: Entries, there: ReadonlyMap<string, FileEntry>): FileChange[] {
  if (!before.has(path)) return []
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
  const gone = [...before.keys()].filter((path) => path !== '' && !after.has(path))
  const tops = gone.filter((path) => parentOf(path) === '' || after.has(parentOf(path)))
  changes.push(...tops.map((path) => change('deleted', path)))
  return hideMountPoints(withParents(changes, before), before, after)
}

/** A directory counts as changed when something in it did, as where an upper directory says it. */
function withParents(changes: readonly FileChange[], before: Entries): FileChange[] {
  const told = new Set(changes.map(({ path }) => path))
  const parents = new Set<string>()
  for (const { path } of changes) {
    for (let at = parentOf(path); at !== '' && !parents.has(at); at = parentOf(at)) parents.add(at)
  }
  const changed = [...parents].filter((path) => !told.has(path) && before.has(path.slice(1)))
  return [...changes, ...changed.map((path) => change('changed', path.slice(1)))]
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
