import { join } from 'node:path'
import { AirplantError } from '../errors.ts'
import { now } from '../rootless/clock.ts'
import type { ProcessHandle } from '../rootless/keeper-client.ts'
import type { Session } from '../rootless/session.ts'
import { parseBoundPorts } from './bound-ports.ts'
import type { ContainerMeta } from './container-meta.ts'
import { readMeta } from './container-meta.ts'
import type { ContainerFiles } from './files/container-files.ts'
import type { FoundContainer } from './find-container.ts'
import type { ContainerNetwork, ContainerNetworks } from './networking/container-networks.ts'
import type { ProcessCommons } from './plan/process-plan.ts'
import type { PublishedPort } from './ports.ts'
import { readProcessMeta } from './process-meta.ts'
import type { ContainerExit, StopDefaults } from './running-container.ts'
import { containerExit, RunningContainer } from './running-container.ts'
import type { SocketDirectory } from './socket-directories.ts'
import { socketDirectories } from './socket-directories.ts'
import type { LayeredRoot } from './spec.ts'

/**
 * A container that another process started, for all that can be done from outside. It lives as long as that process wants; nothing is
 * held here but the connection, which is the caller's.
 */
export class AttachedContainer extends RunningContainer {
  readonly id: string
  readonly name: string | undefined
  readonly pid: number
  readonly image: string
  readonly labels: ContainerMeta['labels']
  readonly healthcheck: ContainerMeta['healthcheck']
  readonly publishedPorts: readonly PublishedPort[]
  readonly networkMode: ContainerMeta['network']
  readonly cgroup: string | undefined
  /** @internal */
  readonly began = now()
  /** @internal */
  protected readonly session: Session
  /** @internal */
  protected readonly process: ProcessHandle
  readonly #meta: ContainerMeta
  readonly #env: NodeJS.ProcessEnv
  #exited: Promise<ContainerExit> | undefined
  #exit: ContainerExit | undefined
  #commons: Promise<ProcessCommons> | undefined
  #networks: ContainerNetworks | undefined
  #root: Promise<LayeredRoot | undefined> | undefined

  private constructor({ session, listed, meta }: Omit<FoundContainer, keyof AsyncDisposable>, env: NodeJS.ProcessEnv) {
    super()
    this.session = session
    this.process = session.client.processOf(listed.handle)
    this.#meta = meta
    this.#env = env
    this.id = listed.id
    this.name = meta.name
    this.pid = listed.hostPid
    this.image = meta.image
    this.labels = meta.labels
    this.healthcheck = meta.healthcheck
    this.networkMode = meta.network
    this.cgroup = meta.cgroup
    this.publishedPorts = meta.network === 'host' ? meta.hostPorts : parseBoundPorts(listed.ports)
    this.isPaused = listed.state === 'paused'
  }

  /**
   * A container that was found.
   *
   * @throws {AirplantError} `ERR_NOT_RUNNING` when it was removed meanwhile
   * @example
   * await using found = await findContainer('db', process.env)
   * const db = await AttachedContainer.open(found, process.env)
   */
  static async open(
    found: Omit<FoundContainer, keyof AsyncDisposable>,
    env: NodeJS.ProcessEnv,
  ): Promise<AttachedContainer> {
    const container = new AttachedContainer(found, env)
    if (found.listed.state === 'exited') await container.wait()
    if (container.networkMode === 'networks') await container.connected()
    return container
  }

  get exited(): Promise<ContainerExit> {
    this.#exited ??= this.explained(this.process.watchExit()).then((exit) => (this.#exit = containerExit(exit)))
    // Whoever does not wait for the exit need not handle its failure either.
    this.#exited.catch(() => undefined)
    return this.#exited
  }

  get exit(): ContainerExit | undefined {
    return this.#exit
  }

  get networks(): readonly ContainerNetwork[] {
    return this.#networks?.list() ?? []
  }

  /** Kills and removes it, although somebody else started it. Resolves when nothing is left but directories being deleted in the background. */
  async remove(): Promise<void> {
    await this.process.remove()
  }

  /** What runs can be copied to and from without its image; so what is wrong with that is said when it is needed. @internal */
  protected override async openedFiles(): Promise<ContainerFiles> {
    this.#root ??= rootOf(this.session, this.#meta, this.#env)
    const root = await this.#root.catch((error: unknown) => error as Error)
    return {
      ...{ session: this.session, env: this.#env, id: this.id, image: this.image, owner: this.#meta.owner },
      driver: this.#meta.driver ?? 'overlay',
      get root() {
        if (root instanceof Error) throw root
        return root
      },
      scratch: join(this.session.directory, 'containers', this.id),
      handle: this.#exit ? undefined : this.process.handle,
      isPaused: this.isPaused,
      addLayer: undefined,
      inTurn: (run) => this.inTurn(run),
    }
  }

  /** @internal */
  protected override get socketDirectories(): readonly SocketDirectory[] {
    return socketDirectories(join(this.session.directory, 'containers', this.id), this.#meta.sockets)
  }

  /** @internal */
  protected override get stopDefaults(): StopDefaults {
    return this.#meta
  }

  /** @internal */
  protected override processCommons(): Promise<ProcessCommons> {
    this.#commons ??= readProcessMeta(this.#meta.process).then((commons) => commons ?? Promise.reject(unknown(this)))
    return this.#commons
  }

  /** @internal */
  protected override async connected(): Promise<ContainerNetworks> {
    const { ContainerNetworks } = await import('./networking/container-networks.ts')
    const { id, name, image, session, networkMode: mode } = this
    this.#networks ??= new ContainerNetworks({ session, id, name, image, handle: this.process.handle, mode }, [])
    return this.#networks
  }
}

/**
 * A container of a session that is already attached, without looking at any other session. Disposing the session closes the connection.
 *
 * @param id its ID, whole
 * @param env to find the store with. @default process.env
 * @throws {AirplantError} `ERR_CONTAINER_NOT_FOUND`, `ERR_KEEPER_GONE`
 * @example
 * await using session = await Session.attach(directory)
 * const db = await attachContainer(session, id)
 * await db.exec(['pg_isready'])
 */
export async function attachContainer(
  session: Session,
  id: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<AttachedContainer> {
  const listed = (await session.client.list()).find((each) => each.id === id)
  if (listed) return await AttachedContainer.open({ session, listed, meta: readMeta(listed.meta) }, env)
  throw new AirplantError({
    code: 'ERR_CONTAINER_NOT_FOUND',
    message: `Cannot find container "${id}" in its session: it was removed`,
    hint: 'Start another one',
    container: id,
  })
}

function unknown({ id, image }: AttachedContainer): AirplantError {
  return new AirplantError({
    code: 'ERR_STEP_FAILED',
    phase: 'exec',
    message: `Cannot run a command in container ${id}: it does not say what its processes may do, as another version of airplant started it`,
    hint: 'Use the version that started it',
    container: id,
    image,
  })
}

async function rootOf(
  session: Session,
  { image, imageId }: ContainerMeta,
  env: NodeJS.ProcessEnv,
): Promise<LayeredRoot | undefined> {
  if (imageId === undefined) return image === 'host' ? undefined : { lowers: [image], mode: 0o755, image: undefined }
  const { ImageStore } = await import('../images/store/image-store.ts')
  const found = await ImageStore.of(session, env).find(imageId)
  if (found) {
    const mode = found.layers.findLast(({ rootMode }) => rootMode !== undefined)?.rootMode ?? 0o755
    return { lowers: found.layers.map(({ directory }) => directory).toReversed(), mode, image: found }
  }
  throw new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    message: `Cannot look into the container: its image "${image}" is not in the store any more`,
    hint: 'Set AIRPLANT_HOME to the store that it was started with',
    image,
  })
}
