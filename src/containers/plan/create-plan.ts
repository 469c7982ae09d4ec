import * as kernel from '../../rootless/kernel-constants.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { PlanContext } from './context.ts'
import { closeHostImage, contains, coverHostImage, openHostImage, showInHostImage } from './host-image.ts'
import { makeImageDirectories } from './image-directories.ts'
import type { SingleUser } from './nested-user.ts'
import { nestUser } from './nested-user.ts'
import { HOST_ADDRESS } from '../../networks/loopback.ts'
import { planAttachments } from '../../networks/attachment.ts'
import { openNetworkFiles } from './network-files.ts'
import { openPlacedFiles, placeFiles } from './placed-files.ts'
import type { ProcessCommons, ProcessPlan } from './process-plan.ts'
import { pathWith, planProcess, planTerminal } from './process-plan.ts'
import { planRoot } from './root-plan.ts'
import { attachSystemMounts, openSystemMounts } from './system-mounts.ts'
import type { BindKind, WaitingMount } from './user-mounts.ts'
import { openUserMounts } from './user-mounts.ts'

/** Facts of one container that only looking at the disk tells. */
export interface CreateFacts {
  readonly bindKinds: ReadonlyMap<string, BindKind>
  readonly singleUser: SingleUser | undefined
  /** Whether the scratch directory was made by a storage driver's helper before. */
  readonly scratchExists: boolean
}

/**
 * The whole life of a container up to exec, as a list of kernel steps. Everything of the host is opened first; then the root is entered
 * and the host is out of reach, so that no link in an image can make a mount or a file land outside.
 */
export function createPlan(context: PlanContext, facts: CreateFacts): Plan {
  const { spec, scratch } = context
  const plan = new Plan()
  planNetworking(plan, context)
  for (const port of spec.hostAccess) plan.hostGate(HOST_ADDRESS, port)
  if (!facts.scratchExists) plan.hostMkdir(scratch, 0o700)
  const root = planRoot(plan, context)
  const system = openSystemMounts(plan, context)
  const hostImage = spec.root === 'host' ? openHostImage(plan, context) : undefined
  const networkFiles = openNetworkFiles(plan, context)
  const userMounts = openUserMounts(plan, context, facts.bindKinds)
  const fileSlots = openPlacedFiles(plan, context)

  plan.enterRoot(root)
  const covers = hostImage ? coverHostImage(plan, hostImage, context) : []
  attachSystemMounts(plan, system, context)
  if (hostImage) showInHostImage(plan, hostImage, context)
  // /etc/resolv.conf may be a link into /run, which the options may have mounted; what they mount in /etc covers ours.
  attachAll(
    plan,
    userMounts.filter((mount) => !contains('/etc', mount.target)),
  )
  attachAll(plan, networkFiles)
  attachAll(
    plan,
    userMounts.filter((mount) => contains('/etc', mount.target)),
  )
  makeImageDirectories(plan, context)
  placeFiles(plan, spec.files, fileSlots)
  if (spec.readOnly && hostImage) closeHostImage(plan, hostImage, covers)
  else if (spec.readOnly) plan.rootAttributes(kernel.MOUNT_ATTR_RDONLY, 0)

  plan.hostname(spec.hostname)
  const main = mainProcess(context)
  planTerminal(plan, main)
  nestUser(plan, context, facts.singleUser)
  planProcess(plan, main)
  return plan
}

/** First of all: /sys shows the network that its mounter is in. */
function planNetworking(plan: Plan, { networking }: PlanContext): void {
  const { shared, attachments } = networking
  const slot = shared || attachments.length > 0 ? plan.slot() : 0
  if (shared) plan.networkOf(slot, shared.handle).joinNetwork(slot)
  if (attachments.length === 0) return
  plan.networkOf(slot, 0)
  planAttachments(plan, slot, attachments)
}

function attachAll(plan: Plan, mounts: readonly WaitingMount[]): void {
  for (const { slot, target, flags } of mounts) plan.attach(slot, target, flags | kernel.ATTACH_NOT_KERNELS)
}

function mainProcess(context: PlanContext): ProcessPlan {
  const { argv, tty, init } = context.spec
  return { ...processCommons(context), argv, tty, init, console: true }
}

/** What the first process and every later one have in common. */
export function processCommons({ spec, host, seccompFilter }: PlanContext): ProcessCommons {
  const { user, groups, workdir, rlimits, capabilities, noNewPrivileges } = spec
  const path = pathWith(spec.root === 'host' ? host.nodeDirectory : undefined)
  const env = { PATH: path, HOSTNAME: spec.hostname, ...spec.env }
  return { env, user, groups, workdir, rlimits, capabilities, noNewPrivileges, seccompFilter }
}

/** Namespaces of a new container; its mount namespace comes with `enterRoot`, its network namespace from the pool. */
export const CONTAINER_NAMESPACES =
  kernel.CLONE_NEWPID + kernel.CLONE_NEWUTS + kernel.CLONE_NEWIPC + kernel.CLONE_NEWCGROUP
