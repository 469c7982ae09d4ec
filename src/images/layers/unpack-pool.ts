import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import type { Tinypool } from 'tinypool'
import type { ApplySummary } from '../../rootless/files/apply-options.ts'
import type { Session } from '../../rootless/session.ts'
import { AirplantError } from '../../errors.ts'
import type { UnpackResult, UnpackTask } from './unpack-task.ts'

/** More would only wait for the disk. */
const MOST_THREADS = 4

/** Milliseconds after which a thread without work ends. */
const IDLE = 1000

/**
 * The worker threads that unpack layers: as many as there are layers and processors. They end by themselves when there is nothing
 * to do, and an idle one does not keep Node alive.
 */
export class UnpackPool {
  #pool: Promise<Tinypool> | undefined

  /** The session's pool. */
  static of(session: Session): UnpackPool {
    return session.once('images.unpackPool', () => new UnpackPool())
  }

  /**
   * Runs a task in a free thread, or when one becomes free. An abort ends the thread at once.
   *
   * @throws {AirplantError} `ERR_ABORTED`, and what {@link runUnpack} throws
   */
  async run(
    task: Omit<UnpackTask, 'progress'>,
    signal?: AbortSignal,
    onProgress?: (bytes: number) => void,
  ): Promise<ApplySummary> {
    this.#pool ??= makePool()
    const pool = await this.#pool
    const { port1, port2 } = new MessageChannel()
    if (onProgress) port1.on('message', onProgress).unref()
    try {
      const options = { transferList: [port2], ...(signal && { signal }) }
      const result = (await pool.run({ ...task, progress: port2 }, options)) as UnpackResult
      if ('error' in result) throw new AirplantError({ ...result.error, phase: 'unpack' })
      return result.summary
    } catch (error) {
      throw signal?.aborted ? aborted(signal) : error
    } finally {
      port1.close()
    }
  }
}

async function makePool(): Promise<Tinypool> {
  const { Tinypool } = await import('tinypool')
  return new Tinypool({
    filename: fileURLToPath(workerUrl(import.meta.url)),
    runtime: 'worker_threads',
    minThreads: 0,
    maxThreads: Math.min(MOST_THREADS, availableParallelism()),
    idleTimeout: IDLE,
    // A thread that waits by Atomics cannot close its sockets.
    useAtomics: false,
    // What the program was started with (loaders of test runners) is not for these threads.
    execArgv: [],
  })
}

/** Threads run no TypeScript: under vitest the build's worker is taken. */
function workerUrl(here: string): URL {
  return here.endsWith('.ts')
    ? new URL('../../../dist/src/images/layers/unpack-worker.js', here)
    : new URL('./unpack-worker.js', here)
}

function aborted(signal: AbortSignal): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    message: 'Cannot unpack the layer: aborted',
    phase: 'unpack',
    hint: 'The signal that was passed fired; call again to go on',
    cause: signal.reason,
  })
}
