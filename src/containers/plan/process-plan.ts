import type { Plan } from '../../rootless/protocol/plan.ts'
import type { Rlimit } from '../../rootless/rlimits.ts'
import type { UserSpec } from '../spec.ts'

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What every process of a container has in common: those that are started later, by whomever, go through the same security steps. */
export interface ProcessCommons {
  readonly env: Readonly<Record<string, string>>
  readonly user: UserSpec
  readonly groups: readonly string[]
  readonly workdir: string
  readonly rlimits: readonly Rlimit[]
  readonly capabilities: bigint
  readonly noNewPrivileges: boolean
  readonly seccompFilter: Uint8Array | undefined
}

/** Everything between "the mounts are there" and exec, the same for a container's first process and for an exec in it. */
export interface ProcessPlan extends ProcessCommons {
  readonly argv: readonly string[]
  readonly tty: { readonly rows: number; readonly columns: number } | undefined
  /** Also on /dev/console. */
  readonly console: boolean
  readonly init: boolean
}

/** Its terminal; ahead of a nested user namespace, from which nothing can be mounted on /dev/console. */
export function planTerminal(plan: Plan, { tty, console }: ProcessPlan): void {
  if (tty) plan.tty(tty.rows, tty.columns, console)
}

/**
 * The order matters: the working directory is entered while the process may, credentials come after everything that needs
 * capabilities, and the filter last. Without no_new_privs installing the filter needs a capability, so it comes before.
 */
export function planProcess(plan: Plan, process: ProcessPlan): void {
  const { user, groups, capabilities, seccompFilter } = process
  plan.umask(0o022).chdir(process.workdir)
  for (const { resource, soft, hard } of process.rlimits) plan.rlimit(resource, soft, hard)
  if (process.noNewPrivileges) plan.noNewPrivs()
  else if (seccompFilter) plan.seccomp(seccompFilter)
  plan.credentials(user.user, user.group, groups, capabilities, capabilities, 0n)
  if (process.noNewPrivileges && seccompFilter) plan.seccomp(seccompFilter)
  plan.exec(process.argv, environment(process), process.init ? 1 : 0)
}

function environment({ env, tty }: ProcessPlan): string[] {
  const all = { PATH: DEFAULT_PATH, ...(tty ? { TERM: 'xterm' } : {}), ...env }
  return Object.entries(all).map(([name, value]) => `${name}=${value}`)
}

/** The PATH of a container; the host image adds Node's own directory. */
export function pathWith(directory: string | undefined): string {
  return directory && !DEFAULT_PATH.split(':').includes(directory) ? `${directory}:${DEFAULT_PATH}` : DEFAULT_PATH
}
