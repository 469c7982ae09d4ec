import type { Readable } from 'node:stream'
import type { LocalImage } from '../../images/image.ts'
import type { CopyInOption } from '../options.ts'
import type { CommitOptions } from './commit.ts'
import type { ContainerFiles } from './container-files.ts'
import type { FileChange } from './diff.ts'

/**
 * The files of a container, running or stopped. Each method loads its code when it is first called: most containers never copy anything
 * after their start.
 */
export abstract class FileAccess {
  /** What is known of them, once it was looked up. @internal */
  protected abstract openedFiles(): Promise<ContainerFiles>
  #turn: Promise<unknown> = Promise.resolve()

  /** @see ContainerFiles.inTurn @internal */
  protected inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined)
    return result
  }

  /**
   * Copies files, directories, globs, content or tar archives into it. A target is the copy itself, not the directory to put it in;
   * its parents are made. A directory that is there keeps its owner and mode; neither is a directory replaced by a file nor a file by a
   * directory.
   *
   * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_SOURCE_MISSING`, `ERR_NOT_RUNNING`, `ERR_FILE_FAILED`, `ERR_DISK_FULL`,
   *   `ERR_UNMAPPED_OWNER`, `ERR_ABORTED`; of a tar `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`
   * @example
   * await container.copyIn([
   *   { source: './seed', target: '/seed' },
   *   { content: 'shared_buffers = 64MB\n', target: '/etc/postgresql/test.conf', owner: '999:999', mode: 0o600 },
   * ])
   */
  async copyIn(
    options: CopyInOption | readonly CopyInOption[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const { copyIn } = await import('./copy-in.ts')
    await this.#abortable(signal, 'copy into', (files) => copyIn(files, options, process.cwd()))
  }

  /** The same as a tar archive: a stream of a file or directory, or of the whole root for `/`. */
  copyOut(path: string): Promise<Readable>
  /**
   * Copies a file or directory out of it. `destination` is the copy itself; its parents are made, and all of it is the caller's, without
   * set-user-ID bits. Links are copied as links; fifos, sockets and devices are left out. Files that are there are replaced, directories
   * merged.
   *
   * @throws {AirplantError} `ERR_PATH_MISSING`, `ERR_NOT_RUNNING`, `ERR_FILE_FAILED`, `ERR_DISK_FULL`, `ERR_ABORTED`
   * @example
   * await container.copyOut('/var/log/nginx', './results/nginx-logs')
   */
  copyOut(path: string, destination: string, options?: { signal?: AbortSignal }): Promise<void>
  async copyOut(
    path: string,
    destination?: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Readable | void> {
    const { copyOut, tarOut } = await import('./copy-out.ts')
    if (destination === undefined) return await tarOut(await this.openedFiles(), path)
    await this.#abortable(signal, 'copy out of', (files) => copyOut(files, path, destination, process.cwd()))
    return undefined
  }

  /**
   * Bytes of one file of it; links are followed in it.
   *
   * @param options.limit most bytes. @default 64 MiB
   * @throws {AirplantError} `ERR_PATH_MISSING`, `ERR_FILE_FAILED`, `ERR_NOT_RUNNING`, `ERR_ABORTED`
   */
  async readFile(path: string, options: { limit?: number; signal?: AbortSignal } = {}): Promise<Buffer> {
    const { readFile } = await import('./copy-out.ts')
    return await this.#abortable(options.signal, 'read a file of', (files) => readFile(files, path, options))
  }

  async #abortable<T>(
    signal: AbortSignal | undefined,
    action: string,
    run: (files: ContainerFiles) => Promise<T>,
  ): Promise<T> {
    const { abortable } = await import('./abortable.ts')
    // Not a copy: the root of a found container may be one that only says why it is not there.
    const files = Object.create(await this.openedFiles(), { signal: { value: signal } }) as ContainerFiles
    return await abortable(files, action, run)
  }

  /**
   * What it changed in its root file system.
   *
   * @throws {AirplantError} `ERR_NOT_RUNNING` for the host image
   * @example
   * await container.diff() // [{ kind: 'changed', path: '/etc' }, { kind: 'added', path: '/etc/seed.conf' }]
   */
  async diff(): Promise<FileChange[]> {
    const { diff } = await import('./diff.ts')
    return await diff(await this.openedFiles())
  }

  /** Whether a path is a directory there, at the end of links; undefined when it is nothing. */
  async isDirectory(path: string): Promise<boolean | undefined> {
    const { isDirectory } = await import('./is-directory.ts')
    return await isDirectory(await this.openedFiles(), path)
  }

  /** Its whole root file system as one tar archive, without what is mounted in it. */
  async export(): Promise<Readable> {
    return await this.copyOut('/')
  }

  /**
   * Makes an image of it. Of a stopped container the upper directory becomes the layer by a rename, whatever its size; a running one is
   * paused while its upper directory is copied.
   *
   * @returns the image, which can be started at once; its layer becomes a blob when it is first saved or pushed
   * @throws {AirplantError} `ERR_NOT_RUNNING` (the host image), `ERR_INVALID_REFERENCE`, `ERR_INVALID_OPTION` (changes), `ERR_DISK_FULL`
   * @example
   * await container.stop()
   * const seeded = await container.commit({ reference: 'app-db:seeded' })
   */
  async commit(options: CommitOptions = {}): Promise<LocalImage> {
    const { commit } = await import('./commit.ts')
    const files = await this.openedFiles()
    return await this.inTurn(() => commit(files, options))
  }
}
