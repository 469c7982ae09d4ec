import type { FileEntry, FileKind } from '../../rootless/files/file-entry.ts'
import type { TarEntry } from '../tar/tar-entry.ts'
import { entryPath, unsafePath } from './entry-path.ts'

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'

/**
 * What an entry of a layer's archive means: whiteouts become what they hide. Undefined: nothing, as AUFS' own files
 * (https://github.com/opencontainers/image-spec/blob/main/layer.md).
 *
 * @throws {AirplantError} `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`
 */
export function layerEntry(entry: TarEntry, depth: number): FileEntry | undefined {
  const path = entryPath(entry.name, depth)
  if (!path.includes(WHITEOUT)) return fileEntry(entry, path, depth)
  const at = path.lastIndexOf('/') + 1
  const name = path.slice(at)
  if (name === OPAQUE) return mark('opaque', path.slice(0, Math.max(0, at - 1)))
  if (path.split('/').some((part) => part.startsWith('.wh..wh.'))) return undefined
  if (!name.startsWith(WHITEOUT)) return fileEntry(entry, path, depth)
  const hidden = name.slice(WHITEOUT.length)
  if (hidden === '' || hidden === '.' || hidden === '..') throw unsafePath(entry.name, 'it hides no file')
  return mark('whiteout', path.slice(0, at) + hidden)
}

/** An entry of an archive that is no layer: `.wh.` means nothing. */
export function plainEntry(entry: TarEntry, depth: number): FileEntry {
  return fileEntry(entry, entryPath(entry.name, depth), depth)
}

function fileEntry(entry: TarEntry, path: string, depth: number): FileEntry {
  const { type, mode, uid, gid, mtime, mtimeNs, size, xattrs } = entry
  return {
    kind: path === '' ? rootKind(entry) : type,
    path,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    size,
    link: type === 'hardlink' ? hardLink(entry, depth) : entry.linkName,
    device: entry.major * 2 ** 20 + entry.minor,
    xattrs,
  }
}

function rootKind({ type, name }: TarEntry): FileKind {
  if (type === 'directory') return type
  throw unsafePath(name, 'it would replace the root directory')
}

/** Its target is another name in the same archive. */
function hardLink({ linkName, name }: TarEntry, depth: number): string {
  const link = entryPath(linkName, depth)
  if (link === '') throw unsafePath(name, 'it is a hard link to a directory')
  return link
}

function mark(kind: 'whiteout' | 'opaque', path: string): FileEntry {
  return { kind, path, mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size: 0, link: '', device: 0, xattrs: new Map() }
}
