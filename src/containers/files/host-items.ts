import type { BigIntStats } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import type { FileEntry } from '../../rootless/files/file-entry.ts'
import type { FileItem } from '../../rootless/files/file-channel.ts'
import { hostData } from './host-data.ts'
import { unreadable } from './unreadable.ts'

/** Owner and mode that copied files get instead of what the host says. */
export interface CopyOwner {
  readonly uid: number
  readonly gid: number
  /** Of files; directories that are made get that of the source. */
  readonly mode: number | undefined
}

/**
 * A file, link or directory tree of the host as items to be applied. Links are copied as links, hard links among what is copied as hard
 * links; sockets and devices in a directory are left out, and so is what vanishes while it is walked.
 *
 * @param target where it goes, relative to the base
 * @throws {AirplantError} `ERR_SOURCE_MISSING` also for what may not be read, and a device or socket; `ERR_FILE_FAILED` for names that
 *   are not UTF-8
 */
export async function* hostItems(source: string, target: string, owner: CopyOwner): AsyncGenerator<FileItem> {
  const stat = await lstat(source, { bigint: true }).catch((error: unknown) => {
    throw unreadable(source, error)
  })
  if (kindOf(stat) === undefined) throw special(source)
  yield* new HostTree(owner).items(source, target, stat)
}

class HostTree {
  readonly #owner: CopyOwner
  /** Where the first of several names of a file went, by device and inode. */
  readonly #first = new Map<string, string>()

  constructor(owner: CopyOwner) {
    this.#owner = owner
  }

  async *items(path: string, target: string, stat: BigIntStats): AsyncGenerator<FileItem> {
    const kind = kindOf(stat)
    if (kind === undefined) return
    if (kind === 'file') yield this.#file(path, target, stat)
    else yield item({ ...this.#entry(stat, target), kind, link: kind === 'symlink' ? await linkOf(path) : '' })
    if (kind !== 'directory') return
    for (const name of await namesIn(path)) {
      const inner = await lstat(join(path, name), { bigint: true }).catch(() => undefined)
      if (inner) yield* this.items(join(path, name), target === '' ? name : `${target}/${name}`, inner)
    }
  }

  #file(path: string, target: string, stat: BigIntStats): FileItem {
    const entry = this.#entry(stat, target)
    if (stat.nlink > 1n) {
      const key = `${stat.dev}:${stat.ino}`
      const first = this.#first.get(key)
      if (first !== undefined) return item({ ...entry, kind: 'hardlink', link: first })
      this.#first.set(key, target)
    }
    const isSparse = stat.blocks * 512n < stat.size
    return { entry, data: hostData(path, entry.size, isSparse) }
  }

  #entry(stat: BigIntStats, path: string): FileEntry {
    const { uid, gid, mode } = this.#owner
    const own = Number(stat.mode & 0o7777n)
    const seconds = stat.mtimeNs / 1_000_000_000n - (stat.mtimeNs % 1_000_000_000n < 0n ? 1n : 0n)
    return {
      ...{ kind: 'file', path, uid, gid, size: Number(stat.size), link: '', device: 0, xattrs: new Map() },
      mode: stat.isDirectory() ? own : (mode ?? own),
      mtime: Number(seconds),
      mtimeNs: Number(stat.mtimeNs - seconds * 1_000_000_000n),
    }
  }
}

function kindOf(stat: BigIntStats): 'file' | 'directory' | 'symlink' | 'fifo' | undefined {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  if (stat.isSymbolicLink()) return 'symlink'
  return stat.isFIFO() ? 'fifo' : undefined
}

/** In the order of their bytes, so that copies of the same directory are equal. */
async function namesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory, { encoding: 'buffer' }).catch((error: unknown) => {
    throw unreadable(directory, error)
  })
  return names.sort((a, b) => a.compare(b)).map((name) => textOf(name, directory))
}

async function linkOf(path: string): Promise<string> {
  const link = await readlink(path, { encoding: 'buffer' }).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  return textOf(link, path)
}

/** As text of another encoding it would be another file's name. */
function textOf(name: Buffer, path: string): string {
  if (isUtf8(name)) return name.toString()
  throw new AirplantError({
    code: 'ERR_FILE_FAILED',
    phase: 'copy',
    message: `Cannot copy "${path}": ${JSON.stringify(name.toString('latin1'))}, a name or link there, is not UTF-8 (shown as Latin-1)`,
    hint: 'Rename it, or copy a tar archive',
    detail: path,
  })
}

/** An item without data. */
export function item(entry: FileEntry): FileItem {
  return { entry: { ...entry, size: 0 }, data: nothing() }
}

async function* nothing(): AsyncGenerator<Buffer> {}

function special(path: string): AirplantError {
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'copy',
    message: `Cannot copy "${path}": it is a device or a socket`,
    hint: 'Give a file, a directory or a link',
    detail: path,
  })
}
