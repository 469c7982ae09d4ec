import type { FileEntry } from '../../rootless/files/file-entry.ts'
import type { TarEntry, TarEntryType } from '../tar/tar-entry.ts'

/** Undoes what `layerEntry` does: whiteouts get their `.wh.` names again. Undefined for sockets, which no archive holds. */
export function layerTarEntry(entry: FileEntry, fractions: boolean): TarEntry | undefined {
  const { kind, path, link } = entry
  if (kind === 'socket') return undefined
  if (kind === 'whiteout') return marker(withPrefix(path))
  if (kind === 'opaque') return marker(path === '' ? '.wh..wh..opq' : `${path}/.wh..wh..opq`)
  return {
    type: kind satisfies TarEntryType,
    name: kind === 'directory' ? `${path || '.'}/` : path,
    linkName: kind === 'symlink' || kind === 'hardlink' ? link : '',
    mode: entry.mode & 0o7777,
    uid: entry.uid,
    gid: entry.gid,
    size: kind === 'file' ? entry.size : 0,
    mtime: Math.floor(entry.mtime),
    mtimeNs: fractions ? entry.mtimeNs : 0,
    major: Math.floor(entry.device / 2 ** 20),
    minor: entry.device % 2 ** 20,
    // A hard link's are those of its file.
    xattrs: kind === 'hardlink' ? new Map() : entry.xattrs,
  }
}

function withPrefix(path: string): string {
  const at = path.lastIndexOf('/') + 1
  return `${path.slice(0, at)}.wh.${path.slice(at)}`
}

function marker(name: string): TarEntry {
  return {
    ...{ type: 'file', name, linkName: '', mode: 0, uid: 0, gid: 0, size: 0 },
    ...{ mtime: 0, mtimeNs: 0, major: 0, minor: 0, xattrs: new Map() },
  }
}
