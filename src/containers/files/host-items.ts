import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { AirplantError } from '../../errors.ts'
import type { FileEntry } from '../../rootless/files/file-entry.ts'
import type { FileItem } from '../../rootless/files/file-channel.ts'

/** Owner and mode that copied files get instead of what the host says. */
export interface CopyOwner {
  readonly uid: number
  readonly gid: number
  /** Of files; directories that are made get 0755. */
  readonly mode: number | undefined
}

const CHUNK = 256 * 1024

/**
 * A file, link or directory tree of the host as items to be applied. Links are copied as links; sockets and devices are left out; what
 * vanishes while a directory is walked is left out too.
 *
 * @param target where it goes, relative to the base
 * @throws {AirplantError} `ERR_SOURCE_MISSING`
 */
export async function* hostItems(source: string, target: string, owner: CopyOwner): AsyncGenerator<FileItem> {
  const stat = await lstat(source, { bigint: true }).catch(() => undefined)
  if (!stat) throw missing(source)
  yield* itemsOf(source, target, stat, owner)
}

async function* itemsOf(path: string, target: string, stat: BigIntStats, owner: CopyOwner): AsyncGenerator<FileItem> {
  if (stat.isSymbolicLink()) {
    yield item({ ...entryOf(stat, target, owner), kind: 'symlink', link: await readlink(path) })
  } else if (stat.isFile()) {
    yield { entry: entryOf(stat, target, owner), data: fileData(path, Number(stat.size)) }
  } else if (stat.isDirectory()) {
    yield item({ ...entryOf(stat, target, owner), kind: 'directory', size: 0 })
    for (const name of (await readdir(path)).sort()) {
      const inner = await lstat(join(path, name), { bigint: true }).catch(() => undefined)
      if (inner) yield* itemsOf(join(path, name), target === '' ? name : `${target}/${name}`, inner, owner)
    }
  }
}

function entryOf(stat: BigIntStats, path: string, { uid, gid, mode }: CopyOwner): FileEntry {
  const own = Number(stat.mode & 0o7777n)
  return {
    ...{ kind: 'file', path, uid, gid, size: Number(stat.size), link: '', device: 0, xattrs: new Map() },
    mode: stat.isDirectory() ? own : (mode ?? own),
    mtime: Number(stat.mtimeNs / 1_000_000_000n),
    mtimeNs: Number(stat.mtimeNs % 1_000_000_000n),
  }
}

/** Exactly as many bytes as were promised, also of a file that is growing. */
async function* fileData(path: string, size: number): AsyncGenerator<Buffer> {
  // A FIFO that took its place meanwhile would keep a thread of Node's waiting for ever.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch((error: unknown) => {
    throw missing(path, error as NodeJS.ErrnoException)
  })
  try {
    for (let left = size; left > 0;) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, left))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) throw shrunk(path)
      left -= bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** An item without data. */
export function item(entry: FileEntry): FileItem {
  return { entry: { ...entry, size: 0 }, data: nothing() }
}

async function* nothing(): AsyncGenerator<Buffer> {}

function missing(path: string, error?: NodeJS.ErrnoException): AirplantError {
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'copy',
    message: `Cannot copy "${path}": ${error?.code ?? 'no such file or directory'}`,
    hint: 'Check the path, and that you may read it; relative ones start at the working directory',
    detail: path,
    cause: error,
  })
}

function shrunk(path: string): AirplantError {
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'copy',
    message: `Cannot copy "${path}": it became shorter while it was read`,
    hint: 'Copy it when nobody writes to it',
    detail: path,
  })
}
