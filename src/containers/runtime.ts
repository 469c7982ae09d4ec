import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ImageStore } from '../images/store/image-store.ts'
import { loopbackPlan } from '../networks/loopback.ts'
import { delegatedCgroup, sweepCgroups } from '../rootless/cgroups.ts'
import type { Session } from '../rootless/session.ts'
import { gatherHostFacts } from './host-facts.ts'
import type { StorageDriver } from './options.ts'
import { checkOwners } from './owners.ts'
import type { HostFacts } from './plan/context.ts'
import { SeccompFilters } from './seccomp-filter.ts'
import { chooseDriver, driverError, tryDriver } from './storage/choose-driver.ts'
import type { DriverChoice } from './storage/choose-driver.ts'
import type { RootSpec } from './spec.ts'
import { unfitForOverlay } from './storage/layer-needs.ts'

// Enough for a burst of starts; one more is made while the others are in use.
const READY_NAMESPACES = 4

/** What all containers of one session share: facts found out once, and things kept ready. */
export class ContainerRuntime {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  readonly filters = new SeccompFilters()
  readonly hostFacts: Omit<HostFacts, 'cwd'>
  /** Where containers have their control groups, undefined where none is delegated. */
  readonly cgroup: string | undefined
  #store: Promise<ImageStore> | undefined
  #driver: Promise<DriverChoice> | undefined
  readonly #owners = new Map<string, Promise<void>>()

  private constructor(session: Session, env: NodeJS.ProcessEnv) {
    this.session = session
    this.env = env
    this.hostFacts = gatherHostFacts(env, session.stateDirectory)
    const { warning } = session.mapping
    if (warning !== undefined) process.emitWarning(warning, { type: 'AirplantWarning', code: 'AIRPLANT_ID_MAPPING' })
    // Real root's keeper is somebody else, to whom nothing is delegated.
    this.cgroup = session.broker ? undefined : delegatedCgroup()
    if (this.cgroup !== undefined) sweepCgroups(this.cgroup, dirname(session.directory))
    // Not waited for: until it is filled, containers make their namespace themselves.
    session.client
      .pool(READY_NAMESPACES, loopbackPlan(session.mapping, existsSync('/proc/net/if_inet6')))
      .catch(() => undefined)
  }

  /** The runtime of a session, the same at every call. */
  static of(session: Session, env: NodeJS.ProcessEnv): ContainerRuntime {
    return session.once('containers', () => new ContainerRuntime(session, env))
  }

  /**
   * The storage driver to use for a root.
   *
   * @throws {AirplantError} `ERR_STORAGE_DRIVER` when the one that was asked for does not work
   */
  async driver(wanted: StorageDriver | undefined, root: RootSpec = 'host'): Promise<DriverChoice> {
    this.#driver ??= chooseDriver(this.session, this.env)
    const choice = await this.#driver
    const unfit = root === 'host' ? undefined : unfitForOverlay(root)
    if (unfit !== undefined && (wanted ?? choice.driver) === 'overlay') {
      if (wanted !== undefined) throw driverError(wanted, unfit)
      const problem = await tryDriver(this.session, this.env, 'fuse-overlayfs')
      const reason = `overlay does not fit: ${unfit}`
      if (problem === undefined) return { driver: 'fuse-overlayfs', reason }
      return { driver: 'copy', reason: `${reason}; fuse-overlayfs neither: ${problem}` }
    }
    if (wanted === undefined || wanted === choice.driver) return choice
    const problem = await tryDriver(this.session, this.env, wanted)
    if (problem !== undefined) throw driverError(wanted, problem)
    return { driver: wanted, reason: 'it was asked for' }
  }

  /** The image store, opened when it is first asked for. */
  store(): Promise<ImageStore> {
    this.#store ??= import('../images/store/image-store.ts').then(({ ImageStore }) =>
      ImageStore.of(this.session, this.env),
    )
    this.#store.catch(() => (this.#store = undefined))
    return this.#store
  }

  /** Refuses a root with files of unmapped owners; looked at once per session. */
  async checkOwners(rootfs: string): Promise<void> {
    const { dev, ino, ctimeMs } = statSync(rootfs)
    const key = `${dev}:${ino}:${ctimeMs}`
    const check = this.#owners.get(key) ?? checkOwners(this.session, rootfs)
    this.#owners.set(key, check)
    await check
  }
}
