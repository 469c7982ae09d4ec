import type { Stats } from 'node:fs'
import * as fs from 'node:fs'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import type { FileEntry } from '../../rootless/files/file-entry.ts'
import type { FileItem } from '../../rootless/files/file-channel.ts'
import { isHole } from '../../rootless/files/holes.ts'
import { atPlace, notThere } from './host-writer-error.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = fs.constants
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

// Larger chunks are written by another thread.
const SMALL = 128 * 1024
const writeElsewhere = promisify(fs.write)

/** A directory of the copy that is being filled. */
interface OpenDirectory {
  /** As in entries. */
  readonly path: string
  readonly descriptor: number
  /** Of a directory that was made now: what is set when all is in it. */
  readonly made: FileEntry | undefined
}

/**
 * Writes what is read from a container to the host, as the account that runs this. The container may have some directory of the copy
 * mounted and change it meanwhile, so each name is used in a directory that is held open, and no link is followed but those of the
 * destination itself. Set-user-ID and set-group-ID bits, which would now stand for the caller, are dropped, and so are fifos, devices and
 * sockets.
 */
export class HostWriter implements Disposable {
  readonly #destination: string
  readonly #open: OpenDirectory[] = []

  /** @param destination path of the copy itself, absolute; its parent is there */
  constructor(destination: string) {
    this.#destination = destination
  }

  /**
   * Items in the order in which file workers read them.
   *
   * @throws {AirplantError} `ERR_FILE_FAILED`, `ERR_DISK_FULL`
   */
  async write({ entry, data }: FileItem): Promise<void> {
    const { kind, path } = entry
    try {
      if (kind === 'directory') this.#directory(entry)
      else if (kind === 'file') await this.#file(entry, data)
      else if (kind === 'symlink') this.#symlink(entry)
      else if (kind === 'hardlink') this.#hardlink(entry)
    } catch (error) {
      throw atPlace(error, path === '' ? this.#destination : `${this.#destination}/${path}`)
    }
  }

  /** Sets modes and times of the directories that were made. */
  finish(): void {
    this.#leaveUntil(undefined)
  }

  [Symbol.dispose](): void {
    for (const { descriptor } of this.#open.splice(0)) fs.closeSync(descriptor)
  }

  #directory(entry: FileEntry): void {
    if (entry.path === '') {
      const isMade = makeDirectory(this.#destination)
      // The destination itself may be a link to a directory: the caller named it.
      const descriptor = fs.openSync(this.#destination, isMade ? DIRECTORY : O_RDONLY | O_DIRECTORY)
      this.#open.push({ path: '', descriptor, made: isMade ? entry : undefined })
      return
    }
    const place = this.#placeOf(entry.path)
    const isMade = makeDirectory(place)
    this.#open.push({ path: entry.path, descriptor: fs.openSync(place, DIRECTORY), made: isMade ? entry : undefined })
  }

  async #file(entry: FileEntry, data: FileItem['data']): Promise<void> {
    const place = this.#placeOf(entry.path)
    makeRoom(place)
    const descriptor = fs.openSync(place, NEW_FILE, 0o600)
    try {
      await writeContent(descriptor, data)
      fs.ftruncateSync(descriptor, entry.size)
      fs.fchmodSync(descriptor, entry.mode & 0o777)
      fs.futimesSync(descriptor, ...timesOf(entry))
    } catch (error) {
      removeUnfinished(place)
      throw error
    } finally {
      fs.closeSync(descriptor)
    }
  }

  #symlink(entry: FileEntry): void {
    const place = this.#placeOf(entry.path)
    makeRoom(place)
    fs.symlinkSync(entry.link, place)
    fs.lutimesSync(place, ...timesOf(entry))
  }

  #hardlink({ path, link }: FileEntry): void {
    const place = this.#placeOf(path)
    makeRoom(place)
    const parts = link.split('/')
    const name = parts.pop() ?? ''
    const opened: number[] = []
    try {
      let descriptor = this.#open[0]?.descriptor ?? -1
      for (const part of parts) opened.push((descriptor = fs.openSync(below(descriptor, part), DIRECTORY)))
      fs.linkSync(below(descriptor, name), place)
    } finally {
      for (const each of opened) fs.closeSync(each)
    }
  }

  /** A name in the directory that the entry lies in. */
  #placeOf(path: string): string {
    if (path === '') return this.#placeOfDestination()
    const slash = path.lastIndexOf('/')
    this.#leaveUntil(path.slice(0, Math.max(0, slash)))
    return below(this.#open.at(-1)?.descriptor ?? -1, path.slice(slash + 1))
  }

  /** Of a single file. */
  #placeOfDestination(): string {
    const parent = fs.openSync(dirname(this.#destination), O_RDONLY | O_DIRECTORY)
    this.#open.push({ path: '', descriptor: parent, made: undefined })
    return below(parent, basename(this.#destination))
  }

  #leaveUntil(path: string | undefined): void {
    for (let last = this.#open.at(-1); last && last.path !== path; last = this.#open.at(-1)) {
      if (last.made) {
        fs.fchmodSync(last.descriptor, last.made.mode & 0o1777)
        fs.futimesSync(last.descriptor, ...timesOf(last.made))
      }
      this.#open.pop()
      fs.closeSync(last.descriptor)
    }
  }
}

/** By proc(5) the name in the directory that is open, wherever that is by now. */
function below(descriptor: number, name: string): string {
  if (name === '' || name === '.' || name === '..' || descriptor < 0) throw new RangeError(`Malformed entry: "${name}"`)
  return `/proc/self/fd/${descriptor}/${name}`
}

/** Whether it was not there before. */
function makeDirectory(place: string): boolean {
  try {
    fs.mkdirSync(place, { mode: 0o700 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Only files and links are replaced: not a directory, and not a device that the caller took for a file. */
function makeRoom(place: string): void {
  const there: Stats | undefined = fs.lstatSync(place, { throwIfNoEntry: false })
  if (!there) return
  if (!there.isFile() && !there.isSymbolicLink()) throw notThere(there.isDirectory())
  fs.unlinkSync(place)
}

function removeUnfinished(place: string): void {
  try {
    fs.unlinkSync(place)
  } catch {
    // Somebody else did.
  }
}

async function writeContent(descriptor: number, data: FileItem['data']): Promise<void> {
  let position = 0
  for await (const chunk of data) {
    if (!isHole(chunk)) await writeAll(descriptor, chunk, position)
    position += chunk.length
  }
}

async function writeAll(descriptor: number, chunk: Buffer, position: number): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    const [length, place] = [chunk.length - at, position + at]
    if (length <= SMALL) at += fs.writeSync(descriptor, chunk, at, length, place)
    else at += (await writeElsewhere(descriptor, chunk, at, length, place)).bytesWritten
  }
}

function timesOf({ mtime, mtimeNs }: FileEntry): [accessed: number, modified: number] {
  const time = mtime + mtimeNs / 1e9
  return [time, time]
}
