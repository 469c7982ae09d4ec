import { AirplantError } from '../errors.ts'
import type { Healthcheck } from '../images/image.ts'
import { clearTimer, setTimer } from '../rootless/clock.ts'
import type { KeeperProcess, LogEntry, NetTables, ProcessExit, ProcessHandle } from '../rootless/keeper-client.ts'
import type { SocketDirectory } from './socket-directories.ts'
import { findSocketDirectory } from './socket-directories.ts'
import type { Session } from '../rootless/session.ts'
import { parseSignal, signalName } from '../rootless/signals.ts'
import { StepError } from '../rootless/step-error.ts'
import type { ExecOptions, ExecProcess, ExecResult } from './exec.ts'
import { collectExec, execPlan, streamExec } from './exec.ts'
import { explainStep } from './explain-step.ts'
import type { Logs } from './log-text.ts'
import { collectLogs } from './log-text.ts'
import { NetworkAccess } from './networking/network-access.ts'
import type { Networking } from './networking/networking.ts'
import { parseMilliseconds } from './option-parsers.ts'
import type { ProcessCommons } from './plan/process-plan.ts'

/** How a container's first process ended. */
export interface ContainerExit {
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  /** `'SIGKILL'`, or null when it exited. */
  readonly signal: string | null
}

/** How a container is stopped unless something else is said. */
export interface StopDefaults {
  /** A signal's number. */
  readonly stopSignal: number
  /** ms */
  readonly stopTimeout: number
}

/** What can be done with a container that runs, by whoever has a connection to its keeper. */
export abstract class RunningContainer<Port extends number = number> extends NetworkAccess<Port> {
  abstract readonly name: string | undefined
  abstract readonly labels: Readonly<Record<string, string>>
  /** Pid of the first process as this process sees it. */
  abstract readonly pid: number
  /** What the wait `healthy` runs: the image's, or the options'. */
  abstract readonly healthcheck: Healthcheck | undefined
  /** What it has of networks: none, the host's, those of its own, or another container's. */
  abstract readonly networkMode: Networking['mode']
  /** Settles when the first process has ended. Alone it does not keep Node alive; {@link RunningContainer.wait} does. */
  abstract readonly exited: Promise<ContainerExit>
  /** How it ended, undefined while it runs. */
  abstract readonly exit: ContainerExit | undefined
  /** `now()` when the call that made it, or found it, began. @internal */
  abstract readonly began: number
  /** @internal */
  protected abstract readonly session: Session
  /** @internal */
  protected abstract readonly process: ProcessHandle
  /** @internal */
  protected abstract readonly stopDefaults: StopDefaults
  /** @internal */
  protected abstract processCommons(): ProcessCommons | Promise<ProcessCommons>
  /** @internal */
  protected abstract readonly socketDirectories: readonly SocketDirectory[]
  /** @internal */
  protected isPaused = false

  /** Its directory in the tree of control groups; undefined where it has none. @internal */
  abstract readonly cgroup: string | undefined

  /**
   * The host's path of a directory that the option `sockets` named: clients connect to the sockets in it.
   *
   * @throws {AirplantError} `ERR_INVALID_OPTION` when the option did not name it
   * @example
   * new pg.Client({ host: db.socketDirectory('/var/run/postgresql'), user: 'postgres' })
   */
  socketDirectory(target: string): string {
    return findSocketDirectory({ id: this.id, directories: this.socketDirectories }, target)
  }

  /** Whether where it runs a single ID is mapped. @internal */
  get hasSingleId(): boolean {
    return this.session.mapping.method === 'single'
  }

  /**
   * Runs a command to its end.
   *
   * @throws {AirplantError} `ERR_COMMAND_NOT_FOUND`, `ERR_COMMAND_NOT_EXECUTABLE`, `ERR_INTERPRETER_MISSING`, `ERR_UNKNOWN_USER`,
   *   `ERR_WORKDIR_MISSING`, `ERR_NOT_RUNNING`, `ERR_EXEC_TIMEOUT`, `ERR_ABORTED`; an exit code is a result, never an error
   * @example
   * const { exitCode, stdout } = await container.exec(['psql', '-c', 'select 1'], { user: 'postgres' })
   */
  async exec(command: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const process = await this.#spawnExec(command, options, options.stdin !== undefined)
    return await collectExec(process, command, options)
  }

  /** Starts a command and gives its streams. Disposing kills it. Throws as {@link RunningContainer.exec}. */
  async execStream(command: readonly string[], options: ExecOptions = {}): Promise<ExecProcess> {
    const process = await this.#spawnExec(command, options, true)
    return streamExec(process, command, options)
  }

  /** Waits until the first process has ended. @throws {AirplantError} `ERR_NOT_RUNNING` when it was removed before */
  async wait(): Promise<ContainerExit> {
    const release = this.session.client.hold()
    try {
      return await this.exited
    } finally {
      release()
    }
  }

  /** What it wrote so far. */
  logs(): Promise<Logs>
  /** What it wrote so far and will write, until it ends. */
  logs(options: { follow: true }): AsyncIterableIterator<LogEntry, undefined>
  logs(options?: { follow: boolean }): Promise<Logs> | AsyncIterableIterator<LogEntry, undefined> {
    return options?.follow ? this.logEntries(true) : collectLogs(this.logEntries(false))
  }

  /** What it wrote so far, piece by piece, and with `follow` what it will write. @internal */
  logEntries(follow: boolean): AsyncIterableIterator<LogEntry, undefined> {
    return this.process.logs({ follow })
  }

  /** @throws {AirplantError} `ERR_NOT_RUNNING` */
  async signal(signal: string | number): Promise<void> {
    const number = parseSignal(signal)
    await this.explained(this.process.signal(number))
  }

  /** Stops every process where it is: by the freezer where there is a cgroup, else by SIGSTOP. */
  async pause(): Promise<void> {
    await this.explained(this.process.pause())
    this.isPaused = true
  }

  /** Lets them go on; what was stopped before stays stopped. */
  async resume(): Promise<void> {
    await this.explained(this.process.resume())
    this.isPaused = false
  }

  /** Changes the size of its terminal. */
  async resize(rows: number, columns: number): Promise<void> {
    await this.explained(this.process.resize(rows, columns))
  }

  /**
   * Sends the stop signal, and kills when that was not enough in time. Logs stay until the container is disposed.
   *
   * @param options.timeout ms before it is killed. @default the container's `stopTimeout`
   * @param options.signal in place of the container's `stopSignal`
   */
  async stop(options: { timeout?: number; signal?: string | number } = {}): Promise<ContainerExit> {
    const { stopSignal, stopTimeout } = this.stopDefaults
    const timeout = parseMilliseconds('timeout of stop', options.timeout ?? stopTimeout)
    const signal = options.signal === undefined ? stopSignal : parseSignal(options.signal)
    if (this.exit) return this.exit
    // A process that is stopped cannot handle a signal, so there is no use in waiting.
    const grace = this.isPaused ? 0 : timeout
    if (grace > 0) await this.process.signal(signal).catch(ignoreGone)
    const killing = setTimer(() => void this.process.signal(9).catch(ignoreGone), grace)
    try {
      return await this.wait()
    } finally {
      clearTimer(killing)
    }
  }

  /** The socket tables of its network namespace, for waits. @internal */
  readNet(): Promise<NetTables> {
    return this.process.readNet({ inodes: this.networkMode === 'host' || this.networkMode === 'container' })
  }

  /** @internal */
  protected async explained<T>(request: Promise<T>): Promise<T> {
    try {
      return await request
    } catch (error) {
      if (!(error instanceof StepError)) throw error
      throw explainStep(error, { phase: 'exec', image: this.image, container: this.id })
    }
  }

  async #spawnExec(command: readonly string[], options: ExecOptions, stdin: boolean): Promise<KeeperProcess> {
    const commons = this.processCommons()
    const plan = execPlan(commons instanceof Promise ? await commons : commons, command, options)
    const tty = options.tty !== undefined && options.tty !== false
    const { handle } = this.process
    const spawned = this.session.client.spawn({ kind: 'exec', target: handle, attached: true, stdin, tty, plan })
    return await spawned.catch((error: unknown) => {
      throw explainStep(error, { phase: 'exec', image: this.image, container: this.id, command: command[0] })
    })
  }
}

/** An exit in the words of this API. */
export function containerExit({ exitCode, signal }: ProcessExit): ContainerExit {
  return { exitCode, signal: signal === null ? null : (signalName(signal) ?? `${signal}`) }
}

/** What is gone need not be ended. */
export function ignoreGone(error: unknown): void {
  const gone = error instanceof AirplantError && error.code === 'ERR_KEEPER_GONE'
  if (!gone && !(error instanceof StepError && error.errnoName === 'ESRCH')) throw error
}
