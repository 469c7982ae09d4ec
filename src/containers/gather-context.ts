import { statSync } from 'node:fs'
import { join } from 'node:path'
import { AirplantError } from '../errors.ts'
import type { Plan } from '../rootless/protocol/plan.ts'
import { openByBroker } from './broker-tokens.ts'
import { showableCwd } from './host-facts.ts'
import type { Networking } from './networking/networking.ts'
import type { PlanContext, VolumeMount } from './plan/context.ts'
import { createPlan } from './plan/create-plan.ts'
import type { BindKind } from './plan/user-mounts.ts'
import type { ContainerRuntime } from './runtime.ts'
import { refuseGroups, resolveSingleUser } from './single-user.ts'
import { checkSocketPaths, socketDirectories } from './socket-directories.ts'
import type { ContainerSpec } from './spec.ts'

/** The plan of a container with such a context. */
export function planOf(context: PlanContext, scratchExists: boolean): Plan {
  const { spec, mapping } = context
  if (mapping.method === 'single') refuseGroups(spec)
  const singleUser = mapping.method === 'single' ? resolveSingleUser(spec.user, spec.root) : undefined
  return createPlan(context, { bindKinds: bindKinds(spec), singleUser, scratchExists })
}

/** Finds out what a container's plan depends on besides its options. */
export async function gatherContext(
  spec: ContainerSpec,
  runtime: ContainerRuntime,
  cwd: string,
  volumes: readonly VolumeMount[],
  networking: Networking,
): Promise<PlanContext> {
  const { session, hostFacts } = runtime
  const { root } = spec
  const isHost = root === 'host'
  const scratch = join(session.directory, 'containers', spec.id)
  checkSocketPaths(socketDirectories(scratch, spec.sockets))
  // Layers of the store were unpacked by us, with mapped owners.
  if (!isHost && !root.image) await checkRootfs(root.lowers[0] ?? '', runtime)
  const [{ driver }, seccompFilter] = await Promise.all([runtime.driver(spec.storage, root), runtime.filters.get(spec)])
  const shown = isHost ? showableCwd(cwd, hostFacts.hidden) : undefined
  const host = { ...hostFacts, cwd: shown }
  // A working directory that may not be shown is not there; the default must not fail because of that.
  const workdir = isHost && spec.workdir === cwd ? (shown ?? '/') : spec.workdir
  return {
    spec: { ...spec, workdir },
    scratch,
    work: session.work,
    mapping: session.mapping,
    driver,
    volumes,
    host,
    networking,
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
