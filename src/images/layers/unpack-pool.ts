import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import type { Tinypool } from 'tinypool'
import type { ApplySummary } from '../../rootless/files/apply-options.ts'
import type { Session } from '../../rootless/session.ts'
import { AirplantError } from '../../errors.ts'
import type { RunUnpackOptions } from './run-unpack.ts'
import type { ThreadTask, UnpackResult, UnpackTask } from './unpack-task.ts'

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

  /** Runs a task in a free thread, or when one becomes free. An abort ends the thread at once. Throws as {@link runUnpack}. */
  async run(task: UnpackTask, { signal, onProgress }: RunUnpackOptions = {}): Promise<ApplySummary> {
    this.#pool ??= makePool()
    const pool = await this.#pool
    const { port1, port2 } = new MessageChannel()
    if (onProgress) port1.on('message', onProgress).unref()
    try {
      const options = { transferList: [port2], ...(signal && { signal }) }
      const job: ThreadTask = { ...task, progress: port2 }
      const result = (await pool.run(job, options)) as UnpackResult
      if ('error' in result) throw new AirplantError(result.error)
      return result.summary
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
    // Chunks come and go: with the usual 16 MiB each thread would hold 30 MiB of dead ones.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 128 },
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
