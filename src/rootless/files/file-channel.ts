import type { Socket } from 'node:net'
import { createConnection } from 'node:net'
import { FieldReader, FieldWriter } from '../protocol/fields.ts'
import type { ApplyOptions, ApplySummary } from './apply-options.ts'
import { entryRoom, writeEntry } from './encode-entry.ts'
import { FileConnection } from './file-connection.ts'
import type { FileEntry } from './file-entry.ts'
import { fileError, fileWorkerGone, readFileFailure } from './file-error.ts'
import { DATA_MAX, FILE_HEADER, fileFrames } from './file-frames.ts'
import type { FileUsage } from './file-requests.ts'
import { measureFiles, removeFile, statFile } from './file-requests.ts'
import { readFiles } from './read-files.ts'
import type { FileItem, ReadOptions } from './read-options.ts'

export type { FileUsage } from './file-requests.ts'
export type { FileItem, ReadOptions } from './read-options.ts'

/**
 * A connection to a file worker, to be used in any thread. An apply is {@link FileChannel.begin}, entries each followed by its content, and
 * {@link FileChannel.finish}; nothing else may be asked for in between.
 *
 * @example
 * const channel = await FileChannel.connect(worker.socket)
 * channel.begin({ mode: 'merge', base: 'etc', flattenOwners: false, limits, overwrite: true })
 * await channel.entry({ ...file, path: 'motd', size: 6 })
 * await channel.data(Buffer.from('hello\n'))
 * const { entries } = await channel.finish()
 */
export class FileChannel {
  readonly #connection: FileConnection
  #failure: Error | undefined
  #isApplying = false

  private constructor(socket: Socket) {
    this.#connection = new FileConnection(socket)
  }

  /**
   * Connects to a worker's socket. That works once.
   *
   * @throws {AirplantError} `ERR_KEEPER_GONE` when nobody listens there
   */
  static async connect(socketPath: string): Promise<FileChannel> {
    return new FileChannel(await connect(socketPath))
  }

  /** Begins an apply. Errors come with what follows. */
  begin(options: ApplyOptions): void {
    if (this.#isApplying) throw new Error('Cannot begin: the apply before was not finished')
    this.#isApplying = true
    this.#failure = undefined
    this.#connection.hold()
    // The worker tells a failure at once, and takes the rest of the frames only to ignore them.
    this.#connection.listen((frame) => {
      if (frame.type === fileFrames.error) this.#failure = fileError(readFileFailure(frame.body))
    })
    this.#connection.send(fileFrames.begin, encodeOptions(options))
  }

  /**
   * Makes a file. One with a size has to be followed by exactly as many bytes of content. Resolves when there is room for more; an error may
   * belong to any entry before.
   *
   * @throws {AirplantError} `ERR_DISK_FULL`, `ERR_UNMAPPED_OWNER`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`, `ERR_INVALID_ARCHIVE`,
   *   `ERR_PATH_MISSING` (the base), `ERR_FILE_FAILED`, `ERR_KEEPER_GONE`
   */
  entry(entry: FileEntry): Promise<void> {
    try {
      this.#connection.out.frame(entryRoom(entry), (bytes, start) => writeEntry(entry, bytes, start))
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
    return this.#room()
  }

  /** The next bytes of the file's content. They are sent from where they lie: the buffer may not be used again. */
  data(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += DATA_MAX) {
      this.#connection.out.raw(fileFrames.data, chunk.length > DATA_MAX ? chunk.subarray(at, at + DATA_MAX) : chunk)
    }
    return this.#room()
  }

  /** As many zeros, which take no room on the disk. */
  hole(size: number): Promise<void> {
    this.#connection.send(fileFrames.hole, fields().u(size))
    return this.#room()
  }

  /** Waits until all is written. Throws as {@link FileChannel.entry}; the channel can be used again all the same. */
  async finish(): Promise<ApplySummary> {
    if (!this.#isApplying) throw new Error('Cannot finish: no apply was begun')
    try {
      this.#connection.listen(undefined)
      this.#connection.send(fileFrames.finish, fields())
      if (this.#failure) throw this.#failure
      return readSummary((await this.#connection.next()).body)
    } finally {
      this.#isApplying = false
      this.#connection.letGo()
    }
  }

  /**
   * Reads a file, or a directory with all below it: directories before what is in them, names in the order of their bytes. What
   * vanishes meanwhile is left out; a file that shrinks is filled up with zeros. A path that ends with a slash is followed when it is
   * a link. Only one read at a time: other requests wait until its last item was taken or the loop was left.
   *
   * @param path inside the target; `''`: its root
   * @throws {AirplantError} `ERR_PATH_MISSING`, `ERR_FILE_FAILED`, `ERR_KEEPER_GONE`
   * @example
   * for await (const { entry, data } of channel.read('etc', { raw: false })) {
   *   for await (const chunk of data) hash.update(chunk)
   * }
   */
  read(path: string, options: ReadOptions): AsyncGenerator<FileItem, void, undefined> {
    return readFiles(this.#connection, path, options)
  }

  /**
   * What a path names; undefined when there is nothing. `path` of the entry is the path that was asked for.
   *
   * @param options.follow a link at its end is followed
   * @throws {AirplantError} `ERR_FILE_FAILED`, `ERR_KEEPER_GONE`
   */
  stat(path: string, options: { follow: boolean }): Promise<FileEntry | undefined> {
    return statFile(this.#connection, path, options)
  }

  /**
   * Removes a file, or a directory with all below it. Links are not followed, and nothing happens when there is nothing.
   *
   * @throws {AirplantError} `ERR_FILE_FAILED` (`errno` `'EBUSY'`: something is mounted there or below), `ERR_KEEPER_GONE`
   */
  remove(path: string): Promise<void> {
    return removeFile(this.#connection, path)
  }

  /**
   * What a file, or a directory with all below it, takes on the disk. What is mounted below it does not count.
   *
   * @throws {AirplantError} `ERR_PATH_MISSING`, `ERR_FILE_FAILED`, `ERR_KEEPER_GONE`
   */
  usage(path: string): Promise<FileUsage> {
    return measureFiles(this.#connection, path)
  }

  /** Ends the connection, and with it the worker. What an unfinished apply has made stays. */
  close(): void {
    this.#connection.close()
  }

  #room(): Promise<void> {
    const failure = this.#failure ?? this.#connection.reason
    return failure ? Promise.reject(failure) : this.#connection.out.room
  }
}

function fields(): FieldWriter {
  return new FieldWriter(FILE_HEADER, 64)
}

function encodeOptions(options: ApplyOptions): FieldWriter {
  const { mode, base, flattenOwners, overwrite, keepKinds = false, keepDirectories = false, limits } = options
  return fields()
    .u(mode === 'layer' ? 0 : 1)
    .s(base)
    .u(Number(flattenOwners) * 1 + Number(overwrite) * 2 + Number(keepKinds) * 4 + Number(keepDirectories) * 8)
    .u(Math.min(limits.entries, Number.MAX_SAFE_INTEGER))
    .u(Math.min(limits.bytes, Number.MAX_SAFE_INTEGER))
    .u(Math.min(limits.depth, Number.MAX_SAFE_INTEGER))
}

// What the worker says when no entry was for the base.
const NO_MODE = 2n ** 64n - 1n

function readSummary(body: Buffer): ApplySummary {
  const reader = new FieldReader(body)
  const entries = reader.u()
  const bytes = reader.u()
  const rootMode = reader.big()
  const markedByFiles = reader.u() === 1
  const summary = { entries, bytes, markedByFiles, devices: reader.v(), warnings: reader.v() }
  reader.end()
  return rootMode === NO_MODE ? summary : { ...summary, rootMode: Number(rootMode) }
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('error', (error) => reject(fileWorkerGone(error)))
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
