import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AirplantError, isAirplantError } from '../../errors.ts'
import type { KeeperProcess } from '../keeper-client.ts'
import type { Session } from '../session.ts'
import { StepError } from '../step-error.ts'
import { FileChannel } from './file-channel.ts'
import type { FileTarget } from './file-target.ts'
import { spawnFor } from './file-target.ts'

// unix(7): sun_path has 108 bytes, the last of which is a NUL.
const MOST_PATH_BYTES = 107

/**
 * A process whose root directory is the target, and which writes and reads files there. It serves one connection, and ends with it; disposing
 * ends it at once.
 *
 * @example
 * await using worker = await FileWorker.start(session, { kind: 'directory', path: layer })
 * const channel = await worker.connect()
 */
export class FileWorker implements AsyncDisposable {
  /** Path of its socket. One connection may be made to it, from any thread of this process or another of this user's. */
  readonly socket: string
  readonly #path: string
  readonly #process: KeeperProcess
  readonly #directory: FileHandle | undefined
  #disposal: Promise<void> | undefined

  private constructor(process: KeeperProcess, path: string, directory: FileHandle | undefined) {
    this.#process = process
    this.#path = path
    this.#directory = directory
    this.socket = directory ? join(`/proc/self/fd/${directory.fd}`, basename(path)) : path
  }

  /**
   * @throws {AirplantError} `ERR_PATH_MISSING` when the target does not exist, `ERR_NOT_RUNNING` when the container has ended,
   *   `ERR_KEEPER_GONE`, `ERR_STEP_FAILED`
   */
  static async start(session: Session, target: FileTarget): Promise<FileWorker> {
    const path = join(session.directory, `files-${randomBytes(6).toString('hex')}`)
    const isLong = Buffer.byteLength(path) > MOST_PATH_BYTES
    const directory = isLong ? await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY) : undefined
    try {
      return new FileWorker(await session.client.spawn(spawnFor(target, path)), path, directory)
    } catch (error) {
      await directory?.close()
      await unlink(path).catch(() => undefined)
      throw explain(error, target)
    }
  }

  /** Connects in this thread. */
  connect(): Promise<FileChannel> {
    return FileChannel.connect(this.socket)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  async #dispose(): Promise<void> {
    await unlink(this.#path).catch(() => undefined)
    await this.#directory?.close()
    // When the keeper is gone, so is everything that it held.
    await this.#process.remove().catch((error: unknown) => {
      if (!isAirplantError(error) || error.code !== 'ERR_KEEPER_GONE') throw error
    })
  }
}

function explain(error: unknown, target: FileTarget): unknown {
  if (!(error instanceof StepError)) return error
  const init = { phase: 'copy', cause: error, errno: error.errnoName, step: error.what, detail: error.detail } as const
  if (target.kind === 'process' && (error.errnoName === 'ESRCH' || error.what === 'join')) {
    const message = 'Cannot reach the files of the container: it has ended'
    return new AirplantError({
      ...init,
      code: 'ERR_NOT_RUNNING',
      message,
      hint: 'Start it, or copy from the stopped one',
    })
  }
  if (error.errnoName === 'ENOENT' || error.errnoName === 'ENOTDIR') {
    const message = `Cannot use "${error.detail}": there is no such directory`
    return new AirplantError({ ...init, code: 'ERR_PATH_MISSING', message, hint: 'Check the path' })
  }
  const message = `Cannot reach the files: ${error.message}`
  return new AirplantError({ ...init, code: 'ERR_STEP_FAILED', message, hint: 'Run "airplant doctor"' })
}
