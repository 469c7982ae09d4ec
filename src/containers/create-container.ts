import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AirplantError } from '../errors.ts'
import type { OnProgress } from '../images/progress.ts'
import { CONTAINER_ADDRESS } from '../networks/loopback.ts'
import { now } from '../rootless/clock.ts'
import type { KeeperProcess } from '../rootless/keeper-client.ts'
import { cgroupName } from '../rootless/cgroups.ts'
import { CONTAINER_NAMESPACES, createPlan } from './plan/create-plan.ts'
import type { PlanContext } from './plan/context.ts'
import type { BindKind } from './plan/user-mounts.ts'
import { openByBroker } from './broker-tokens.ts'
import { Container } from './container.ts'
import { explainStep } from './explain-step.ts'
import { showableCwd } from './host-facts.ts'
import type { ContainerOptions } from './options.ts'
import { resolveOptions } from './resolve-options.ts'
import { ContainerRuntime } from './runtime.ts'
import { refuseGroups, resolveSingleUser } from './single-user.ts'
import type { ContainerSpec } from './spec.ts'
import { prepareRoot } from './storage/prepare-root.ts'
import { prepareVolumes } from './volumes.ts'
import { StepError } from '../rootless/step-error.ts'
import type { Plan } from '../rootless/protocol/plan.ts'
import type { Session } from '../rootless/session.ts'

/** Surroundings of a call, passed in so that nothing below reads globals. */
export interface Surroundings {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** `now()` at the call's first instruction: every deadline counts from there. */
  readonly began: number
  /** Told how pulling an image goes on. */
  readonly onProgress?: OnProgress | undefined
}

/**
 * Creates and starts a container; resolves when its program was executed.
 *
 * @throws {AirplantError} as `withContainer` does, but for waits
 */
export async function createContainer(options: ContainerOptions, around: Surroundings): Promise<Container> {
  throwIfAborted(options.signal)
  const spec = await resolve(options, around)
  try {
    return await start(spec, options.signal, around)
  } catch (error) {
    if (!hasLostLayer(error, spec)) throw explained(error, spec, around)
  }
  // Somebody removed the image in between; the store has noticed now, and gets it again.
  const again = await resolve(options, around)
  return await start(again, options.signal, around).catch((error: unknown) => {
    throw explained(error, again, around)
  })
}

function resolve(options: ContainerOptions, around: Surroundings): Promise<ContainerSpec> {
  const { session, env, cwd, onProgress } = around
  return resolveOptions(options, cwd, async (source, signal) => {
    const { ensureImage } = await import('../images/pull.ts')
    const { platform, pull = 'missing' } = options
    return await ensureImage(source, { session, env, platform, pull, onProgress, signal })
  })
}

async function start(spec: ContainerSpec, signal: AbortSignal | undefined, around: Surroundings): Promise<Container> {
  const runtime = ContainerRuntime.of(around.session, around.env)
  let helper: KeeperProcess | undefined
  try {
    const context = await gatherContext(spec, runtime, around)
    const prepared = await prepareRoot(runtime.session, context.driver, spec.root, context.scratch, around.env)
    helper = prepared.helper
    throwIfAborted(signal)
    const process = await spawn(context, planOf(context, prepared.scratchExists), runtime)
    const container = new Container({
      spec: context.spec,
      process,
      helper,
      runtime,
      began: around.began,
      seccompFilter: context.seccompFilter,
    })
    if (signal) container.removeOnAbort(signal)
    if (signal?.aborted) await container[Symbol.asyncDispose]()
    throwIfAborted(signal)
    return container
  } catch (error) {
    await helper?.remove()
    throw error
  }
}

function hasLostLayer(error: unknown, { root }: ContainerSpec): boolean {
  const isImage = root !== 'host' && root.image !== undefined
  return isImage && error instanceof StepError && error.what === 'overlay' && error.errnoName === 'ENOENT'
}

function explained(error: unknown, spec: ContainerSpec, { began }: Surroundings): Error {
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
  const spec = await resolve(options, around)
  const context = await gatherContext(spec, ContainerRuntime.of(around.session, around.env), around)
  // Drivers that prepare the root make the scratch directory for it.
  return planOf(context, spec.root !== 'host' && context.driver !== 'overlay')
}

function planOf(context: PlanContext, scratchExists: boolean): Plan {
  const { spec, mapping } = context
  if (mapping.method === 'single') refuseGroups(spec)
  const singleUser = mapping.method === 'single' ? resolveSingleUser(spec.user, spec.root) : undefined
  return createPlan(context, { bindKinds: bindKinds(spec), singleUser, scratchExists })
}

async function gatherContext(
  spec: ContainerSpec,
  runtime: ContainerRuntime,
  { cwd }: Surroundings,
): Promise<PlanContext> {
  const { session, hostFacts } = runtime
  const { root } = spec
  const isHost = root === 'host'
  // Layers of the store were unpacked by us, with mapped owners.
  if (!isHost && !root.image) await checkRootfs(root.lowers[0] ?? '', runtime)
  const [{ driver }, seccompFilter, volumes] = await Promise.all([
    runtime.driver(spec.storage, root),
    runtime.filters.get(spec),
    prepareVolumes(spec, runtime),
  ])
  const shown = isHost ? showableCwd(cwd, hostFacts.hidden) : undefined
  const host = { ...hostFacts, cwd: shown }
  // A working directory that may not be shown is not there; the default must not fail because of that.
  const workdir = isHost && spec.workdir === cwd ? (shown ?? '/') : spec.workdir
  return {
    spec: { ...spec, workdir },
    scratch: join(session.directory, 'containers', spec.id),
    work: session.work,
    mapping: session.mapping,
    driver,
    volumes,
    host,
    tokens: await openByBroker(session, spec, host),
    seccompFilter,
  }
}

async function checkRootfs(rootfs: string, runtime: ContainerRuntime): Promise<void> {
  if (!statSync(rootfs, { throwIfNoEntry: false })?.isDirectory()) {
    throw new AirplantError({
      code: 'ERR_SOURCE_MISSING',
      phase: 'create',
      message: `Cannot use "${rootfs}" as a root: not a directory`,
      hint: 'Give the path of an unpacked root file system, or use image: "host"',
      image: rootfs,
    })
  }
  await runtime.checkOwners(rootfs)
}

function bindKinds(spec: ContainerSpec): Map<string, BindKind> {
  const kinds = new Map<string, BindKind>()
  for (const { source } of spec.binds) kinds.set(source, bindKind(source))
  return kinds
}

function bindKind(source: string): BindKind {
  try {
    return statSync(source).isDirectory() ? 'directory' : 'file'
  } catch {
    // What is missing, or may not be looked at, fails in the plan, with the path.
    return 'directory'
  }
}

function spawn(
  { spec, scratch }: PlanContext,
  plan: Plan,
  { session, cgroup }: ContainerRuntime,
): Promise<KeeperProcess> {
  const isolated = spec.network === 'none'
  return session.client.spawn({
    kind: 'container',
    id: spec.id,
    namespaces: CONTAINER_NAMESPACES,
    poolNetwork: isolated,
    tty: spec.tty !== undefined,
    stdin: spec.stdin,
    attached: spec.attach,
    logged: true,
    logLimit: spec.logLimit,
    scratch,
    cgroup: cgroup === undefined ? '' : join(cgroup, cgroupName(basename(session.directory), spec.id)),
    // With the host's network a server's own port is the host's port: nothing to forward.
    ports: isolated ? spec.ports : [],
    peer: CONTAINER_ADDRESS,
    meta: JSON.stringify({
      image: spec.image,
      command: spec.argv,
      labels: spec.labels,
      started: Date.now(),
    }),
    plan,
  })
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
