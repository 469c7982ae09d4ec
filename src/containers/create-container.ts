import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AirplantError } from '../errors.ts'
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
import type { Plan } from '../rootless/protocol/plan.ts'
import type { Session } from '../rootless/session.ts'

/** Surroundings of a call, passed in so that nothing below reads globals. */
export interface Surroundings {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** `now()` at the call's first instruction: every deadline counts from there. */
  readonly began: number
}

/**
 * Creates and starts a container; resolves when its program was executed.
 *
 * @throws {AirplantError} as `withContainer` does, but for waits
 */
export async function createContainer(options: ContainerOptions, around: Surroundings): Promise<Container> {
  const { signal } = options
  throwIfAborted(signal)
  const spec = await resolveOptions(options, around.cwd)
  const runtime = ContainerRuntime.of(around.session, around.env)
  const image = spec.rootfs ?? 'host'
  let helper: KeeperProcess | undefined
  try {
    const context = await gatherContext(spec, runtime, around)
    const prepared = await prepareRoot(runtime.session, context.driver, spec.rootfs, context.scratch, around.env)
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
    const elapsed = now() - around.began
    throw explainStep(error, { phase: 'start', image, container: spec.id, elapsed, command: spec.argv[0] })
  }
}

/**
 * The plan that {@link createContainer} would have run now; nothing is started.
 *
 * @throws {AirplantError} for what is wrong with the options
 * @example
 * console.log((await previewPlan({ command: ['true'] }, around)).describe())
 */
export async function previewPlan(options: ContainerOptions, around: Surroundings): Promise<Plan> {
  const spec = await resolveOptions(options, around.cwd)
  const context = await gatherContext(spec, ContainerRuntime.of(around.session, around.env), around)
  // Drivers that prepare the root make the scratch directory for it.
  return planOf(context, spec.rootfs !== undefined && context.driver !== 'overlay')
}

function planOf(context: PlanContext, scratchExists: boolean): Plan {
  const { spec, mapping } = context
  if (mapping.method === 'single') refuseGroups(spec)
  const singleUser = mapping.method === 'single' ? resolveSingleUser(spec.user, spec.rootfs) : undefined
  return createPlan(context, { bindKinds: bindKinds(spec), singleUser, scratchExists })
}

async function gatherContext(
  spec: ContainerSpec,
  runtime: ContainerRuntime,
  { cwd }: Surroundings,
): Promise<PlanContext> {
  const { session, hostFacts } = runtime
  if (spec.rootfs !== undefined) await checkRootfs(spec.rootfs, runtime)
  const [{ driver }, seccompFilter] = await Promise.all([runtime.driver(spec.storage), runtime.filters.get(spec)])
  const shown = showableCwd(cwd, hostFacts.hidden)
  // A working directory that may not be shown is not there; the default must not fail because of that.
  const host = { ...hostFacts, cwd: spec.rootfs === undefined ? shown : undefined }
  const workdir = spec.rootfs === undefined && spec.workdir === cwd ? (shown ?? '/') : spec.workdir
  return {
    spec: { ...spec, workdir },
    scratch: join(session.directory, 'containers', spec.id),
    work: session.work,
    mapping: session.mapping,
    driver,
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
      image: spec.rootfs ?? 'host',
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
