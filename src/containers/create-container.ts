import { basename, join } from 'node:path'
import { AirplantError, isAirplantError } from '../errors.ts'
import type { OnProgress } from '../images/progress.ts'
import { storeHome } from '../images/store/home.ts'
import type { Use } from '../images/store/uses.ts'
import { formatIp } from '../rootless/ip-address.ts'
import { CONTAINER_ADDRESS } from '../networks/loopback.ts'
import { now } from '../rootless/clock.ts'
import type { KeeperProcess } from '../rootless/keeper-client.ts'
import { cgroupName } from '../rootless/cgroups.ts'
import { CONTAINER_NAMESPACES, processCommons } from './plan/create-plan.ts'
import type { PlanContext } from './plan/context.ts'
import { writeMeta } from './container-meta.ts'
import { Container } from './container.ts'
import { explainStep } from './explain-step.ts'
import { gatherContext, planOf } from './gather-context.ts'
import { nextPorts } from './next-ports.ts'
import { plainNetworking } from './networking/networking.ts'
import type { ContainerNetworks } from './networking/container-networks.ts'
import type { Networking } from './networking/networking.ts'
import type { ContainerOptions } from './options.ts'
import { hostPorts } from './ports.ts'
import type { ProcessCommons } from './plan/process-plan.ts'
import { writeProcessMeta } from './process-meta.ts'
import { resolveOptions } from './resolve-options.ts'
import { ContainerRuntime } from './runtime.ts'
import type { ContainerSpec } from './spec.ts'
import { resolveSingleUser } from './single-user.ts'
import { prepareRoot } from './storage/prepare-root.ts'
import { takeFromStore, volumeMounts } from './volumes.ts'
import { StepError } from '../rootless/step-error.ts'
import type { Plan } from '../rootless/protocol/plan.ts'
import type { Session } from '../rootless/session.ts'

/** Surroundings of a call, passed in so that nothing below reads globals. */
export interface Surroundings {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** `now()` at the call's first instruction. */
  readonly began: number
  /** Told how pulling an image goes on. */
  readonly onProgress?: OnProgress | undefined
}

/** A container that only has to be started: its options were checked, and its image is there. */
export interface ReadyContainer {
  readonly options: ContainerOptions
  readonly spec: ContainerSpec
  /** Milliseconds that its image took to be there. No deadline counts them. */
  readonly waited: number
}

/**
 * Creates and starts a container; resolves when its program was executed.
 *
 * @throws {AirplantError} as `withContainer` does, but for waits
 */
export async function createContainer(options: ContainerOptions, around: Surroundings): Promise<Container> {
  return await startContainer(await prepareContainer(options, around), around)
}

/** The first half of {@link createContainer}: everything that may have to wait for a registry. */
export async function prepareContainer(options: ContainerOptions, around: Surroundings): Promise<ReadyContainer> {
  throwIfAborted(options.signal)
  const { session, env, cwd, onProgress } = around
  let waited = 0
  const spec = await resolveOptions(options, cwd, async (source, signal) => {
    const asked = now()
    const { ensureImage } = await import('../images/pull.ts')
    const { platform, pull = 'missing' } = options
    const image = await ensureImage(source, { session, env, platform, pull, onProgress, signal })
    waited = now() - asked
    return image
  })
  return { options, spec, waited }
}

/** The second half. */
export async function startContainer(ready: ReadyContainer, around: Surroundings): Promise<Container> {
  const { spec, options } = ready
  const began = around.began + ready.waited
  try {
    return await startOnFreePorts(spec, options.signal, { ...around, began })
  } catch (error) {
    if (!hasLostLayer(error, spec)) throw explained(error, spec, began)
  }
  // Somebody removed the image in between; the store has noticed now, and gets it again.
  const again = await prepareContainer(options, around)
  return await startOnFreePorts(again.spec, options.signal, { ...around, began }).catch((error: unknown) => {
    throw explained(error, again.spec, began)
  })
}

/** Of a range of host ports the next is tried when one is taken; what failed left nothing behind. */
async function startOnFreePorts(
  spec: ContainerSpec,
  signal: AbortSignal | undefined,
  around: Surroundings,
): Promise<Container> {
  for (let { ports } = spec; ;) {
    try {
      return await start({ ...spec, ports }, signal, around)
    } catch (error) {
      const next = nextPorts(ports, error)
      if (!next) throw error
      ports = next
    }
  }
}

async function start(spec: ContainerSpec, signal: AbortSignal | undefined, around: Surroundings): Promise<Container> {
  const runtime = ContainerRuntime.of(around.session, around.env)
  let helper: KeeperProcess | undefined
  let use: Use | undefined
  let networking: Networking | undefined
  try {
    networking = await networkingOf(spec, around)
    const stored = await takeFromStore(spec, runtime)
    use = stored.use
    const context = await gatherContext(spec, runtime, around.cwd, stored.volumes, networking)
    const prepared = await prepareRoot(runtime.session, context.driver, spec.root, context.scratch, around.env)
    helper = prepared.helper
    throwIfAborted(signal)
    const commons = processCommons(context)
    const cgroup = cgroupOf(spec, runtime)
    const process = await spawn(context, planOf(context, prepared.scratchExists), runtime, commons)
    if (helper) await runtime.session.client.adopt(process.handle, helper.handle)
    const container = new Container({
      spec: context.spec,
      process,
      helper,
      use,
      runtime,
      networking,
      networks: await connected(context, process, runtime),
      driver: context.driver,
      scratch: context.scratch,
      began: around.began,
      commons,
      cgroup,
    })
    if (signal) container.removeOnAbort(signal)
    if (signal?.aborted) await container[Symbol.asyncDispose]()
    throwIfAborted(signal)
    return container
  } catch (error) {
    await helper?.remove()
    use?.release()
    if (networking) await leave(networking)
    throw error
  }
}

function hasLostLayer(error: unknown, { root }: ContainerSpec): boolean {
  if (root === 'host' || !root.image) return false
  if (error instanceof StepError) return error.what === 'overlay' && error.errnoName === 'ENOENT'
  return isAirplantError(error) && error.code === 'ERR_IMAGE_NOT_FOUND'
}

function explained(error: unknown, spec: ContainerSpec, began: number): Error {
  const { id, image, argv, workdir } = spec
  const elapsed = now() - began
  return explainStep(error, { phase: 'start', image, container: id, elapsed, command: argv[0], workdir })
}

/**
 * The plan that {@link createContainer} would have run now; nothing is started.
 *
 * @throws {AirplantError} for what is wrong with the options
 * @example
 * console.log((await previewPlan({ command: ['true'] }, around)).describe())
 */
export async function previewPlan(options: ContainerOptions, around: Surroundings): Promise<Plan> {
  const { spec } = await prepareContainer(options, around)
  const volumes = spec.volumes.length > 0 ? volumeMounts(spec, storeHome(around.env)) : []
  const runtime = ContainerRuntime.of(around.session, around.env)
  const networking = await networkingOf(spec, around)
  try {
    const context = await gatherContext(spec, runtime, around.cwd, volumes, networking)
    // Drivers that prepare the root make the scratch directory for it.
    return planOf(context, spec.root !== 'host' && context.driver !== 'overlay')
  } finally {
    await leave(networking)
  }
}

function spawn(
  { spec, scratch, driver, networking }: PlanContext,
  plan: Plan,
  runtime: ContainerRuntime,
  commons: ProcessCommons,
): Promise<KeeperProcess> {
  const { session } = runtime
  const isIsolated = networking.mode !== 'host'
  const cgroup = cgroupOf(spec, runtime)
  return session.client.spawn({
    kind: 'container',
    id: spec.id,
    namespaces: CONTAINER_NAMESPACES,
    poolNetwork: networking.mode === 'none' || networking.mode === 'networks',
    tty: spec.tty !== undefined,
    stdin: spec.stdin,
    attached: spec.attach,
    logged: true,
    logLimit: spec.logLimit,
    scratch,
    cgroup: cgroup ?? '',
    // With the host's network a server's own port is the host's port: nothing to forward.
    ports: isIsolated ? spec.ports : [],
    peer: peerOf(networking),
    meta: writeMeta({
      name: spec.name,
      network: networking.mode,
      image: spec.image,
      imageId: spec.root === 'host' ? undefined : spec.root.image?.id,
      driver,
      owner: session.mapping.method === 'single' ? resolveSingleUser(spec.user, spec.root) : undefined,
      command: spec.argv,
      sockets: spec.sockets,
      labels: spec.labels,
      started: Date.now(),
      healthcheck: spec.healthcheck,
      stopSignal: spec.stopSignal,
      stopTimeout: spec.stopTimeout,
      cgroup,
      hostPorts: isIsolated ? [] : hostPorts(spec.ports),
      process: writeProcessMeta(commons, spec.seccomp),
    }),
    plan,
  })
}

function cgroupOf({ id }: ContainerSpec, { session, cgroup }: ContainerRuntime): string | undefined {
  return cgroup === undefined ? undefined : join(cgroup, cgroupName(basename(session.directory), id))
}

/** What has nothing to do with networks does not load their code. */
async function networkingOf(spec: ContainerSpec, { session, env }: Surroundings): Promise<Networking> {
  const { mode } = spec.network
  if (mode === 'none' || mode === 'host') return plainNetworking(mode)
  const { joinNetworks } = await import('./networking/join-networks.ts')
  return await joinNetworks(spec, session, env)
}

async function leave({ memberships }: Networking): Promise<void> {
  if (memberships.length === 0) return
  const { leaveNetworks } = await import('./networking/join-networks.ts')
  leaveNetworks(memberships)
}

async function connected(
  { spec, networking }: PlanContext,
  { handle }: KeeperProcess,
  { session }: ContainerRuntime,
): Promise<ContainerNetworks | undefined> {
  const { memberships, mode } = networking
  if (memberships.length === 0) return undefined
  const { ContainerNetworks } = await import('./networking/container-networks.ts')
  const { id, name, image } = spec
  return new ContainerNetworks({ session, id, name, image, handle, mode }, memberships)
}

/** Where forwarded connections go: its address on the first network, as long as it has that, else the one that every container has. */
function peerOf({ memberships: [first] }: Networking): string {
  return first ? `${formatIp(first.ip)} ${CONTAINER_ADDRESS}` : CONTAINER_ADDRESS
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return
  throw new AirplantError({
    code: 'ERR_ABORTED',
    phase: 'start',
    message: 'Cannot start the container: the caller aborted',
    hint: 'This is what the signal option is for; nothing was left behind',
    cause: signal.reason,
  })
}
