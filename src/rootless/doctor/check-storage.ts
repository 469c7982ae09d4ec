import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { installCommands } from '../distribution.ts'
import { defineCheck, describeProbe, fail, ok, skip, warn } from './check.ts'
import type { Check, OverlayProbe, ProbeResult, Verdict } from './check.ts'
import type { Facts } from './facts.ts'
import { outerContainerFixes, sudo } from './fixes.ts'
import { mountOf } from './mounts.ts'

// The kernel takes none of these as an upper directory: no user xattrs, no d_type or no whiteouts (kernel, overlayfs.rst).
const NOT_FOR_UPPER = /^(nfs4?|overlay|ecryptfs|aufs|9p|cifs|smb3|vfat|exfat|fuseblk|drvfs|fuse\..*)$/

/** Judges the storage driver that was chosen by really mounting. */
export function judgeOverlay(facts: Facts, overlay: OverlayProbe | undefined): Verdict {
  if (overlay?.driver === 'overlay')
    return ok(overlay.reason ? `the kernel's overlayfs: ${overlay.reason}` : "the kernel's overlayfs")
  const fix = overlayFixes(facts)
  if (overlay?.driver === 'copy') return warn(`every container copies its whole image (slow): ${overlay.reason}`, fix)
  if (overlay) return warn(`${overlay.driver} (slower than the kernel's overlayfs): ${overlay.reason}`, fix)
  return skip(facts.filesystems.includes('overlay') ? 'Not tried' : 'Not tried; the module "overlay" is not loaded')
}

/** Judges /dev/fuse and fuse-overlayfs, which are needed only where overlayfs does not work. */
export function judgeFuse(facts: Facts, probe: ProbeResult, overlay: OverlayProbe | undefined): Verdict {
  const missing = [
    ...(probe.ok ? [] : [`/dev/fuse: ${probe.untried ?? describeProbe(probe)}`]),
    ...(facts.programs['fuse-overlayfs'] ? [] : ['fuse-overlayfs is not installed']),
  ].join(', ')
  if (missing === '') return ok(`/dev/fuse and ${facts.programs['fuse-overlayfs']?.path} are there`)
  if (overlay?.driver === 'overlay') return skip(`Not needed, overlayfs works (${missing})`)
  const names = { debian: 'fuse-overlayfs', fedora: 'fuse-overlayfs', arch: 'fuse-overlayfs', alpine: 'fuse-overlayfs', suse: 'fuse-overlayfs' } // prettier-ignore
  const install = facts.programs['fuse-overlayfs']
    ? []
    : installCommands(facts.distribution.family, names, facts.identity.uid === 0)
  return warn(missing, [...(probe.ok ? [] : deviceFixes(facts, '/dev/fuse', 'fuse', probe)), ...install])
}

/** Judges the file system under the state directory; `error` is what writing there said. */
export function judgeStateDirectory(facts: Facts, directory: string, error?: string): Verdict {
  const mount = mountOf(facts.mounts, directory)
  const where = `${directory} (${mount?.type ?? 'unknown file system'})`
  const move = ['export XDG_DATA_HOME=DIRECTORY   # a directory of yours on ext4, xfs or btrfs']
  if (error) return fail(`${where}: ${error}`, move)
  if (mount && NOT_FOR_UPPER.test(mount.type)) return warn(`${where} cannot hold upper directories of overlayfs`, move)
  if (mount?.options.includes('ro')) return fail(`${where} is read-only`, move)
  if (mount?.options.includes('noexec'))
    return warn(`${where} is mounted noexec: programs written by a container cannot be executed`, move)
  if (mount?.type === 'tmpfs' && isBefore66(facts.kernel.version))
    return warn(`${where}: tmpfs has no user xattrs before Linux 6.6`, move)
  return ok(where)
}

/** What makes a device of the host usable, by how opening it failed. */
export function deviceFixes(facts: Facts, path: string, module: string, { errno }: ProbeResult): string[] {
  if (facts.surroundings.container) return outerContainerFixes(facts)
  if (errno === 'EACCES' || errno === 'EPERM') return [`${sudo(facts)}chmod 666 ${path}`]
  return [
    `${sudo(facts)}modprobe ${module}   # and to keep it: echo ${module} | ${sudo(facts)}tee /etc/modules-load.d/${module}.conf`,
  ]
}

/** The checks of storage. */
export const storageChecks: readonly Check[] = [
  defineCheck('overlay', 'Storage driver', async ({ facts, probeOverlay }) =>
    judgeOverlay(facts, await probeOverlay?.()),
  ),
  defineCheck('fuse', 'FUSE', async ({ facts, probe, probeOverlay }) =>
    judgeFuse(facts, await probe('fuse'), await probeOverlay?.()),
  ),
  defineCheck('state-directory', 'State directory', ({ facts, stateDirectory }) =>
    judgeStateDirectory(facts, stateDirectory, tryWriting(stateDirectory)),
  ),
]

function overlayFixes(facts: Facts): string[] {
  if (facts.surroundings.container)
    return [
      'Keep the state on a volume: docker run -v airplant:/var/lib/airplant -e XDG_DATA_HOME=/var/lib/airplant ...',
    ]
  return ['export XDG_DATA_HOME=DIRECTORY   # a directory of yours on ext4, xfs or btrfs; Linux 5.11 or later']
}

function tryWriting(directory: string): string | undefined {
  let existing = directory
  while (statSync(existing, { throwIfNoEntry: false }) === undefined && existing !== '/') existing = dirname(existing)
  try {
    const temporary = mkdtempSync(join(existing, '.airplant-doctor-'))
    try {
      writeFileSync(join(temporary, 'file'), 'x')
    } finally {
      rmSync(temporary, { recursive: true, force: true })
    }
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).message
  }
}

function isBefore66([major, minor]: readonly [number, number]): boolean {
  return major < 6 || (major === 6 && minor < 6)
}
