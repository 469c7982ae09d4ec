import type { FileEntry } from '../../rootless/files/file-entry.ts'
import type { FileChange } from './diff.ts'

/** What every container has mounted; an image that lacks one gets an empty file or directory to mount on. */
const mountPoints = ['dev', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'proc', 'sys']

/**
 * Takes out what the start of a container added, and nothing that ran in it: empty mount points of the system, and directories that
 * changed by that alone. Docker hides the same; mount points of volumes are shown, by both.
 *
 * @param before what the image has, by path
 * @param after what was compared with it, by path
 */
export function hideMountPoints(
  changes: readonly FileChange[],
  before: ReadonlyMap<string, FileEntry>,
  after: ReadonlyMap<string, FileEntry>,
): FileChange[] {
  const hidden = new Set<string>()
  const isAlone = (path: string): boolean =>
    !changes.some((each) => each.path.startsWith(`/${path}/`) && !hidden.has(each.path.slice(1)))
  for (const path of mountPoints) {
    if (!before.has(path) && isEmpty(after.get(path)) && isAlone(path)) hidden.add(path)
  }
  for (const parent of new Set([...hidden].map(parentOf))) {
    if (parent !== '' && isAlone(parent) && isSame(before.get(parent), after.get(parent))) hidden.add(parent)
  }
  return changes.filter(({ path }) => !hidden.has(path.slice(1)))
}

function isEmpty(entry: FileEntry | undefined): boolean {
  return entry?.kind === 'directory' || (entry?.kind === 'file' && entry.size === 0)
}

/** Whether a directory is as it was but for what is in it, or was made for that. */
function isSame(old: FileEntry | undefined, entry: FileEntry | undefined): boolean {
  return !old || (old.kind === entry?.kind && old.mode === entry.mode && old.uid === entry.uid && old.gid === entry.gid)
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
