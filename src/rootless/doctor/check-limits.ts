import { mkdtempSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineCheck, ok, skip, warn } from './check.ts'
import type { Check, Verdict } from './check.ts'
import type { Facts } from './facts.ts'
import { setSysctl, sudo } from './fixes.ts'

const WANTED = ['memory', 'pids', 'cpu']
const WITHOUT = 'memory and CPU limits are unavailable, process limits use rlimits'

/** Judges control groups: whether a group of our own could be made, or systemd can be asked for one. */
export function judgeCgroup(facts: Facts, canMake: boolean): Verdict {
  const { mode, controllers, managerControllers } = facts.cgroup
  if (mode !== 'unified') {
    const what =
      mode === 'none' ? 'no control groups are mounted' : `control groups are ${mode === 'v1' ? 'version 1' : mode}`
    return warn(`${what}: ${WITHOUT}`, unifiedFixes(facts))
  }
  if (canMake && WANTED.every((name) => controllers.includes(name))) return ok(`delegated: ${controllers.join(' ')}`)
  const canAsk = facts.session.hasSystemd && facts.session.hasBus && facts.programs['systemd-run'] !== undefined
  const absent = WANTED.filter((name) => !managerControllers.includes(name))
  if (canAsk && absent.length === 0) return ok(`by a scope of systemd --user: ${managerControllers.join(' ')}`)
  if (canAsk)
    return warn(
      `systemd --user has no ${absent.join(', ')} controller: those limits are unavailable`,
      delegateFixes(facts),
    )
  const why = canMake
    ? `controllers here are only: ${controllers.join(' ') || 'none'}`
    : 'this control group is not delegated'
  if (!facts.session.hasSystemd) return warn(`${why}, and there is no systemd to ask: ${WITHOUT}`)
  return warn(`${why}, and systemd --user cannot be asked: ${WITHOUT}`, sessionFixes(facts))
}

/** Judges the login session, which only limits need. */
export function judgeSession(facts: Facts): Verdict {
  const { hasSystemd, runtimeDirectory, isOwned, hasBus } = facts.session
  if (!hasSystemd) return skip('no systemd here')
  if (runtimeDirectory === undefined)
    return warn('XDG_RUNTIME_DIR is not set (usual under su, sudo and cron): no limits', sessionFixes(facts))
  if (!isOwned)
    return warn(`XDG_RUNTIME_DIR (${runtimeDirectory}) is missing or not this user's: no limits`, sessionFixes(facts))
  return hasBus
    ? ok(`${runtimeDirectory}, with systemd --user`)
    : warn(`${runtimeDirectory} has no bus: no limits`, sessionFixes(facts))
}

/** Judges the resource limits that this process hands on. */
export function judgeRlimits(facts: Facts): Verdict {
  const files = facts.limits['Max open files']
  const processes = facts.limits['Max processes']
  const values = `${show(files?.hard)} open files, ${show(processes?.soft)} processes`
  const user = facts.identity.name ?? facts.identity.uid
  const raise = (item: string, value: number): string =>
    `echo '${user} - ${item} ${value}' | ${sudo(facts)}tee /etc/security/limits.d/90-airplant-${item}.conf   # then log in again`
  const fix = [
    ...(files && files.hard < 4096 ? [raise('nofile', 65_536)] : []),
    ...(processes && processes.soft < 1024 ? [raise('nproc', 16_384)] : []),
  ]
  return fix.length > 0 ? warn(`${values}: few for servers and many containers`, fix) : ok(values)
}

/** Judges the machine-wide numbers that all containers of a user share. */
export function judgeShared(facts: Facts): Verdict {
  const inotify = Number(facts.sysctl['fs.inotify.max_user_instances'] ?? Infinity)
  const keys = facts.sysctl['kernel.keys.maxkeys'] ?? 'unknown'
  const values = `${show(inotify)} inotify instances, ${keys} keys, ${facts.sysctl['fs.aio-max-nr'] ?? 'unknown'} AIO requests, ${facts.sysctl['kernel.pid_max'] ?? 'unknown'} PIDs`
  if (inotify >= 128) return ok(`${values}, shared by all containers`)
  return warn(`${values}: file watchers fail`, [setSysctl(facts, 'fs.inotify.max_user_instances', 512)])
}

/** Judges the number of memory maps, the one value that a common image (Elasticsearch, OpenSearch) insists on. */
export function judgeMaps(facts: Facts): Verdict {
  const count = Number(facts.sysctl['vm.max_map_count'] ?? Infinity)
  if (count >= 262_144) return ok(`${show(count)} memory maps`)
  return warn(`vm.max_map_count is ${count}: Elasticsearch and OpenSearch refuse to start`, [
    setSysctl(facts, 'vm.max_map_count', 262_144),
  ])
}

/** The checks of limits. */
export const limitChecks: readonly Check[] = [
  defineCheck('cgroup', 'Control groups', ({ facts }) => judgeCgroup(facts, canMakeGroup(facts.cgroup.directory))),
  defineCheck('session', 'Login session', ({ facts }) => judgeSession(facts)),
  defineCheck('rlimits', 'Resource limits', ({ facts }) => judgeRlimits(facts)),
  defineCheck('shared-limits', 'Shared limits', ({ facts }) => judgeShared(facts)),
  defineCheck('memory-maps', 'Memory maps', ({ facts }) => judgeMaps(facts)),
]

function canMakeGroup(directory: string | undefined): boolean {
  if (directory === undefined) return false
  try {
    // Other doctors, in other PID namespaces too, may try in the same group.
    rmdirSync(mkdtempSync(join(directory, 'airplant-doctor-')))
    return true
  } catch {
    return false
  }
}

function unifiedFixes(facts: Facts): string[] {
  if (!facts.session.hasSystemd) return []
  const argument = 'systemd.unified_cgroup_hierarchy=1'
  if (facts.distribution.family === 'fedora')
    return [`${sudo(facts)}grubby --update-kernel=ALL --args=${argument} && ${sudo(facts)}reboot`]
  return [
    `${sudo(facts)}sed -i 's/^GRUB_CMDLINE_LINUX="/&${argument} /' /etc/default/grub && ${sudo(facts)}update-grub && ${sudo(facts)}reboot`,
  ]
}

function delegateFixes(facts: Facts): string[] {
  const directory = '/etc/systemd/system/user@.service.d'
  return [
    `${sudo(facts)}mkdir -p ${directory} && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | ${sudo(facts)}tee ${directory}/delegate.conf && ${sudo(facts)}systemctl daemon-reload   # then log in again`,
  ]
}

function sessionFixes(facts: Facts): string[] {
  const { uid, name } = facts.identity
  return [
    `${sudo(facts)}loginctl enable-linger ${name ?? uid}`,
    `export XDG_RUNTIME_DIR=/run/user/${uid} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/${uid}/bus`,
  ]
}

function show(value: number | undefined): string {
  return value === undefined ? 'unknown' : value === Infinity ? 'unlimited' : String(value)
}
