import type { Readable, Writable } from 'node:stream'
import { AirplantError } from '../errors.ts'
import { clearTimer, setTimer } from '../rootless/clock.ts'
import type { Healthcheck, UnpackedLayer } from '../images/image.ts'
import type { Use } from '../images/store/uses.ts'
import type { KeeperProcess, LogEntry, NetTables } from '../rootless/keeper-client.ts'
import { parseSignal, signalName } from '../rootless/signals.ts'
import { StepError } from '../rootless/step-error.ts'
import type { ExecOptions, ExecProcess, ExecResult } from './exec.ts'
import { collectExec, execPlan, streamExec } from './exec.ts'
import { explainStep } from './explain-step.ts'
import type { Logs } from './log-text.ts'
import { collectLogs } from './log-text.ts'
import type { ContainerFiles } from './files/container-files.ts'
import { wasRemoved } from './files/was-removed.ts'
import type { ContainerNetwork, ContainerNetworks } from './networking/container-networks.ts'
import { NetworkAccess } from './networking/network-access.ts'
import type { Networking } from './networking/networking.ts'
import type { Snapshot } from './files/snapshot.ts'
import type { StorageDriver } from './options.ts'
import { containerEnv } from './plan/create-plan.ts'
import { parseMilliseconds } from './option-parsers.ts'
import type { ProcessPlan } from './plan/process-plan.ts'
import { resolveSingleUser } from './single-user.ts'
import type { PublishedPort } from './ports.ts'
import { publishedPorts } from './ports.ts'
import type { ContainerRuntime } from './runtime.ts'
import type { ContainerSpec, LayeredRoot } from './spec.ts'

/** How a container's first process ended. */
export interface ContainerExit {
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  /** `'SIGKILL'`, or null when it exited. */
  readonly signal: string | null
}

/** What a {@link Container} is made from. */
export interface ContainerParts {
  readonly spec: ContainerSpec
  readonly process: KeeperProcess
  readonly helper: KeeperProcess | undefined
  /** What it uses of the store until it is removed. */
  readonly use: Use | undefined
  readonly runtime: ContainerRuntime
  readonly networking: Networking
  /** Undefined while it is on none. */
  readonly networks: ContainerNetworks | undefined
  readonly driver: StorageDriver
  /** Directory with its upper directory. */
  readonly scratch: string
  readonly began: number
  readonly seccompFilter: Uint8Array | undefined
}

/**
 * A started container. It lives until it is disposed, until its creator's process ends, or until its program does.
 *
 * @example
 * await using server = await withContainer({ command: ['node', 'server.js'], ports: [3000], wait: { port: 3000 } })
 * const answer = await fetch(server.url(3000))
 */
export class Container<Port extends number = number> extends NetworkAccess<Port> implements AsyncDisposable {
  /** Twelve hexadecimal digits. */
  readonly id: string
  /** Pid of the first process as this process sees it. */
  readonly pid: number
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
  /** What the wait `healthy` runs: the image's, or the options'. */
  readonly healthcheck: Healthcheck | undefined
  /** Settles when the first process has ended. Alone it does not keep Node alive; {@link Container.wait} does. */
  readonly exited: Promise<ContainerExit>
  readonly publishedPorts: readonly PublishedPort[]
  /** `now()` when the call that made it began. @internal */
  readonly began: number
  /** What it has of networks: none, the host's, those of its own, or another container's. */
  readonly networkMode: Networking['mode']
  readonly #process: KeeperProcess
  readonly #parts: ContainerParts
  #root: LayeredRoot | undefined
  #exit: ContainerExit | undefined
  #paused = false
  #removal: Promise<void> | undefined
  readonly #uses: Use[] = []
  readonly #looks: (() => Promise<void>)[] = []
  #networks: ContainerNetworks | undefined

  constructor(parts: ContainerParts) {
    super()
    const { spec, process, began, use, networking, networks } = parts
    if (use) this.#uses.push(use)
    this.#root = spec.root === 'host' ? undefined : spec.root
    this.#parts = parts
    this.#process = process
    this.id = spec.id
    this.pid = process.hostPid
    this.image = spec.image
    this.labels = spec.labels
    this.healthcheck = spec.healthcheck
    this.began = began
    this.networkMode = networking.mode
    this.#networks = networks
    this.publishedPorts = publishedPorts(
      spec.ports,
      networking.mode === 'host' ? spec.ports.map((port) => port.containerPort) : process.ports,
    )
    this.exited = process.exited.then(({ exitCode, signal }) => {
      // Its names are free from now on.
      this.#networks?.leave()
      this.#exit = { exitCode, signal: signal === null ? null : (signalName(signal) ?? `${signal}`) }
      return this.#exit
    })
    this.exited.catch(() => undefined)
  }

  get networks(): readonly ContainerNetwork[] {
    return this.#networks?.list() ?? []
  }

  /** How it ended, undefined while it runs. */
  get exit(): ContainerExit | undefined {
    return this.#exit
  }

  /**
   * Input of the first process; needs `stdin: true` or a tty.
   *
   * @throws {AirplantError} `ERR_INVALID_OPTION` without
   */
  get stdin(): Writable {
    const { stdin, tty } = this.#parts.spec
    if (!stdin && !tty) throw notOpen('stdin', 'stdin: true')
    return this.#process.stdinStream()
  }

  /**
   * Output of the first process as it comes; needs `attach: true`. The log has it all without.
   *
   * @throws {AirplantError} `ERR_INVALID_OPTION` without
   */
  get stdout(): Readable {
    if (!this.#parts.spec.attach) throw notOpen('stdout', 'attach: true')
    return this.#process.stdoutStream()
  }

  get stderr(): Readable {
    if (!this.#parts.spec.attach) throw notOpen('stderr', 'attach: true')
    return this.#process.stderrStream()
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

  /** Starts a command and gives its streams. Disposing kills it. Throws as {@link Container.exec}. */
  async execStream(command: readonly string[], options: ExecOptions = {}): Promise<ExecProcess> {
    const process = await this.#spawnExec(command, options, true)
    return streamExec(process, command, options)
  }

  /** Waits until the first process has ended. */
  async wait(): Promise<ContainerExit> {
    await this.#process.wait()
    return await this.exited
  }

  /** What it wrote so far. */
  logs(): Promise<Logs>
  /** What it wrote so far and will write, until it ends. */
  logs(options: { follow: true }): AsyncIterableIterator<LogEntry, undefined>
  logs(options?: { follow: boolean }): Promise<Logs> | AsyncIterableIterator<LogEntry, undefined> {
    return options?.follow ? this.#process.logs({ follow: true }) : collectLogs(this.#process.logs())
  }

  /** What it wrote so far, piece by piece with its times. @internal */
  logEntries(): AsyncIterableIterator<LogEntry, undefined> {
    return this.#process.logs()
  }

  /** @throws {AirplantError} `ERR_NOT_RUNNING` */
  async signal(signal: string | number): Promise<void> {
    const number = parseSignal(signal)
    await this.#explained(this.#process.signal(number))
  }

  /** Stops every process where it is: by the freezer where there is a cgroup, else by SIGSTOP. */
  async pause(): Promise<void> {
    await this.#explained(this.#process.pause())
    this.#paused = true
  }

  /** Lets them go on; what was stopped before stays stopped. */
  async resume(): Promise<void> {
    await this.#explained(this.#process.resume())
    this.#paused = false
  }

  /** Changes the size of its terminal. */
  async resize(rows: number, columns: number): Promise<void> {
    await this.#explained(this.#process.resize(rows, columns))
  }

  /**
   * Sends the stop signal, and kills when that was not enough in time. Logs stay until the container is disposed.
   *
   * @param options.timeout ms before it is killed. @default the container's `stopTimeout`
   */
  async stop(options: { timeout?: number } = {}): Promise<ContainerExit> {
    const { stopSignal, stopTimeout } = this.#parts.spec
    const timeout = parseMilliseconds('timeout of stop', options.timeout ?? stopTimeout)
    if (this.#exit) return this.#exit
    // A process that is stopped cannot handle a signal, so there is no use in waiting.
    const grace = this.#paused ? 0 : timeout
    if (grace > 0) await this.#process.signal(stopSignal).catch(ignoreGone)
    const killing = setTimer(() => void this.#process.signal(9).catch(ignoreGone), grace)
    try {
      return await this.wait()
    } finally {
      clearTimer(killing)
    }
  }

  /**
   * Stops it and makes an image of it, by a rename: as fast with a gigabyte of data as with none. The image can be started any number of
   * times, while the session lives; {@link Container.commit} makes one that stays.
   *
   * Dispose it after the containers that were made from it: its files are theirs. With storage drivers other than overlay the files are
   * copied.
   *
   * @throws {AirplantError} `ERR_NOT_RUNNING` for the host image, `ERR_DISK_FULL` with storage drivers other than overlay
   * @example
   * const seed = await db.snapshot()
   * await using one = await withContainer({ image: seed, ports: [5432] })
   */
  async snapshot(): Promise<Snapshot> {
    await this.stop()
    const { snapshot } = await import('./files/snapshot.ts')
    return await this.inTurn(() => snapshot(this.files))
  }

  /** @internal */
  override get files(): ContainerFiles {
    if (this.#removal) throw wasRemoved(this)
    const { runtime, driver, scratch, spec } = this.#parts
    const { session, env } = runtime
    const root = (): LayeredRoot | undefined => this.#root
    return {
      ...{ session, env, id: this.id, image: this.image, driver, scratch },
      get root() {
        return root()
      },
      handle: this.#exit ? undefined : this.#process.handle,
      isPaused: this.#paused,
      get owner() {
        return session.mapping.method === 'single' ? resolveSingleUser(spec.user, spec.root) : undefined
      },
      addLayer: (layer, use) => {
        if (this.#root) this.#root = withLayer(this.#root, layer)
        if (use) this.#uses.push(use)
      },
      inTurn: (run) => this.inTurn(run),
    }
  }

  protected override async connected(): Promise<ContainerNetworks> {
    if (this.#exit || this.#removal) throw notRunning(this)
    const { ContainerNetworks } = await import('./networking/container-networks.ts')
    const { runtime, spec, networking } = this.#parts
    const own = { ...{ id: this.id, name: spec.name, image: this.image }, handle: this.#process.handle }
    this.#networks ??= new ContainerNetworks({ ...own, session: runtime.session, mode: networking.mode }, [])
    return this.#networks
  }

  /** The socket tables of its network namespace, for waits. @internal */
  readNet(): Promise<NetTables> {
    return this.#process.readNet({ inodes: this.networkMode === 'host' || this.networkMode === 'container' })
  }

  /** Removes it when the signal fires. @internal */
  removeOnAbort(signal: AbortSignal): void {
    const remove = (): void => void this[Symbol.asyncDispose]().catch(() => undefined)
    if (signal.aborted) remove()
    signal.addEventListener('abort', remove, { once: true })
    const forget = (): void => signal.removeEventListener('abort', remove)
    this.exited.then(forget, forget)
  }

  /** Called, and waited for, when it is to be removed, while it is still there. @internal */
  beforeRemoval(look: () => Promise<void>): void {
    this.#looks.push(look)
  }

  /** Kills and removes it; idempotent. Resolves when nothing is left but directories being deleted in the background. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#removal ??= this.#remove()
    return this.#removal
  }

  async #remove(): Promise<void> {
    for (const look of this.#looks) await look().catch(() => undefined)
    this.#networks?.leave()
    // When the keeper is gone, so is everything that it held.
    await this.#process.remove().catch(ignoreGone)
    await this.#parts.helper?.remove().catch(ignoreGone)
    try {
      for (const use of this.#uses) use.release()
    } catch {
      // On a full disk it cannot be written down; the session's end does it.
    }
  }

  async #spawnExec(command: readonly string[], options: ExecOptions, stdin: boolean): Promise<KeeperProcess> {
    const plan = execPlan(this.#mainProcess(), command, options)
    const { client } = this.#parts.runtime.session
    const tty = options.tty !== undefined && options.tty !== false
    const spawned = client.spawn({ kind: 'exec', target: this.#process.handle, attached: true, stdin, tty, plan })
    return await spawned.catch((error: unknown) => {
      throw explainStep(error, { phase: 'exec', image: this.image, container: this.id, command: command[0] })
    })
  }

  #mainProcess(): ProcessPlan {
    const { spec, runtime, seccompFilter } = this.#parts
    return {
      ...spec,
      env: containerEnv(spec, runtime.hostFacts.nodeDirectory),
      seccompFilter,
      console: false,
    }
  }

  async #explained(request: Promise<void>): Promise<void> {
    try {
      await request
    } catch (error) {
      if (!(error instanceof StepError)) throw error
      throw explainStep(error, { phase: 'exec', image: this.image, container: this.id })
    }
  }
}

function withLayer(root: LayeredRoot, layer: UnpackedLayer): LayeredRoot {
  const { image, lowers } = root
  const above = image && { ...image, layers: [...image.layers, layer] }
  return { ...root, lowers: [layer.directory, ...lowers], image: above }
}

function notRunning({ id, image }: Container): AirplantError {
  return new AirplantError({
    code: 'ERR_NOT_RUNNING',
    message: `Cannot change the networks of container ${id}: it has ended`,
    hint: 'Start another one',
    container: id,
    image,
  })
}

function ignoreGone(error: unknown): void {
  const gone = error instanceof AirplantError && error.code === 'ERR_KEEPER_GONE'
  if (!gone && !(error instanceof StepError && error.errnoName === 'ESRCH')) throw error
}

function notOpen(stream: string, option: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot give ${stream} of a container that was started without "${option}"`,
    hint: `Start it with ${option}, or read its logs`,
  })
}
