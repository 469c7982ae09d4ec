import type { Readable, Writable } from 'node:stream'
import { AirplantError } from '../errors.ts'
import type { Healthcheck, UnpackedLayer } from '../images/image.ts'
import type { Use } from '../images/store/uses.ts'
import type { KeeperProcess } from '../rootless/keeper-client.ts'
import type { Session } from '../rootless/session.ts'
import type { ContainerFiles } from './files/container-files.ts'
import { wasRemoved } from './files/was-removed.ts'
import type { Snapshot } from './files/snapshot.ts'
import type { ContainerNetwork, ContainerNetworks } from './networking/container-networks.ts'
import type { Networking } from './networking/networking.ts'
import type { StorageDriver } from './options.ts'
import type { ProcessCommons } from './plan/process-plan.ts'
import { resolveSingleUser } from './single-user.ts'
import type { SocketDirectory } from './socket-directories.ts'
import { socketDirectories } from './socket-directories.ts'
import type { PublishedPort } from './ports.ts'
import { hostPorts, publishedPorts } from './ports.ts'
import type { ContainerExit, StopDefaults } from './running-container.ts'
import { containerExit, ignoreGone, RunningContainer } from './running-container.ts'
import type { ContainerRuntime } from './runtime.ts'
import type { ContainerSpec, LayeredRoot } from './spec.ts'

export type { ContainerExit } from './running-container.ts'

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
  readonly commons: ProcessCommons
  /** Its directory in the tree of control groups; undefined where it has none. */
  readonly cgroup: string | undefined
}

/**
 * A started container. It lives until it is disposed, until its creator's process ends, or until its program does.
 *
 * @example
 * await using server = await withContainer({ command: ['node', 'server.js'], ports: [3000], wait: { port: 3000 } })
 * const answer = await fetch(server.url(3000))
 */
export class Container<Port extends number = number> extends RunningContainer<Port> implements AsyncDisposable {
  /** Twelve hexadecimal digits. */
  readonly id: string
  readonly name: string | undefined
  readonly pid: number
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
  readonly healthcheck: Healthcheck | undefined
  readonly exited: Promise<ContainerExit>
  readonly publishedPorts: readonly PublishedPort[]
  /** @internal */
  readonly began: number
  readonly networkMode: Networking['mode']
  /** @internal */
  protected readonly process: KeeperProcess
  readonly #parts: ContainerParts
  #root: LayeredRoot | undefined
  #exit: ContainerExit | undefined
  #removal: Promise<void> | undefined
  #isOthers = false
  readonly #uses: Use[] = []
  readonly #looks: (() => Promise<void>)[] = []
  #networks: ContainerNetworks | undefined

  constructor(parts: ContainerParts) {
    super()
    const { spec, process, began, use, networking, networks } = parts
    if (use) this.#uses.push(use)
    this.#root = spec.root === 'host' ? undefined : spec.root
    this.#parts = parts
    this.process = process
    this.id = spec.id
    this.name = spec.name
    this.pid = process.hostPid
    this.image = spec.image
    this.labels = spec.labels
    this.healthcheck = spec.healthcheck
    this.began = began
    this.networkMode = networking.mode
    this.#networks = networks
    this.publishedPorts = networking.mode === 'host' ? hostPorts(spec.ports) : publishedPorts(spec.ports, process.ports)
    this.exited = process.exited.then((exit) => {
      // Its names are free from now on.
      this.#networks?.leave()
      this.#exit = containerExit(exit)
      return this.#exit
    })
    this.exited.catch(() => undefined)
  }

  get networks(): readonly ContainerNetwork[] {
    return this.#networks?.list() ?? []
  }

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
    return this.process.stdinStream()
  }

  /**
   * Output of the first process as it comes; needs `attach: true`. The log has it all without.
   *
   * @throws {AirplantError} `ERR_INVALID_OPTION` without
   */
  get stdout(): Readable {
    if (!this.#parts.spec.attach) throw notOpen('stdout', 'attach: true')
    return this.process.stdoutStream()
  }

  get stderr(): Readable {
    if (!this.#parts.spec.attach) throw notOpen('stderr', 'attach: true')
    return this.process.stderrStream()
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
  protected override get socketDirectories(): readonly SocketDirectory[] {
    return socketDirectories(this.#parts.scratch, this.#parts.spec.sockets)
  }

  /** @internal */
  protected override openedFiles(): Promise<ContainerFiles> {
    return Promise.resolve().then(() => this.files)
  }

  /** @internal */
  get files(): ContainerFiles {
    if (this.#removal) throw wasRemoved(this)
    const { runtime, driver, scratch, spec } = this.#parts
    const { session, env } = runtime
    const root = (): LayeredRoot | undefined => this.#root
    return {
      ...{ session, env, id: this.id, image: this.image, driver, scratch },
      get root() {
        return root()
      },
      handle: this.#exit ? undefined : this.process.handle,
      isPaused: this.isPaused,
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
    const own = { ...{ id: this.id, name: spec.name, image: this.image }, handle: this.process.handle }
    this.#networks ??= new ContainerNetworks({ ...own, session: runtime.session, mode: networking.mode }, [])
    return this.#networks
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

  /**
   * From now on it is others': it outlives this process, as long as its keeper lives, and is not removed when this object is disposed.
   *
   * @returns what removes it all the same
   * @throws {AirplantError} `ERR_NOT_RUNNING` when it was removed @internal
   */
  async outlive(): Promise<() => Promise<void>> {
    if (this.#removal) throw wasRemoved(this)
    for (const use of this.#uses) await use.keep()
    await this.explained(this.session.client.keep(this.process.handle))
    this.#isOthers = true
    return () => (this.#removal ??= this.#remove())
  }

  /** Kills and removes it; idempotent. Resolves when nothing is left but directories being deleted in the background. */
  [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOthers) return Promise.resolve()
    this.#removal ??= this.#remove()
    return this.#removal
  }

  async #remove(): Promise<void> {
    for (const look of this.#looks) await look().catch(() => undefined)
    this.#networks?.leave()
    // When the keeper is gone, so is everything that it held.
    await this.process.remove().catch(ignoreGone)
    await this.#parts.helper?.remove().catch(ignoreGone)
    try {
      for (const use of this.#uses) use.release()
    } catch {
      // On a full disk it cannot be written down; the session's end does it.
    }
  }

  /** @internal */
  protected override get session(): Session {
    return this.#parts.runtime.session
  }

  /** @internal */
  protected override get stopDefaults(): StopDefaults {
    return this.#parts.spec
  }

  /** @internal */
  protected override processCommons(): ProcessCommons {
    return this.#parts.commons
  }

  /** @internal */
  get cgroup(): string | undefined {
    return this.#parts.cgroup
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

function notOpen(stream: string, option: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot give ${stream} of a container that was started without "${option}"`,
    hint: `Start it with ${option}, or read its logs`,
  })
}
