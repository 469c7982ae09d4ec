import { accessSync, readFileSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { distributionFamily } from '../distribution.ts'
import type { DistributionFamily } from '../distribution.ts'
import type { IdRange } from '../ids/extents.ts'
import * as ids from '../ids/subordinate-ids.ts'
import type { SubordinateEntry } from '../ids/subordinate-ids.ts'
import { readCgroup } from './cgroup-facts.ts'
import type { CgroupFacts } from './cgroup-facts.ts'
import { parseMountinfo } from './mounts.ts'
import type { Mount } from './mounts.ts'
import { findSurroundings } from './surroundings.ts'
import type { Surroundings } from './surroundings.ts'

/** Who asks. */
export interface Identity {
  readonly uid: number
  readonly name: string | undefined
}

/** A program found on PATH. */
export interface ProgramFact {
  readonly path: string
  readonly mode: number
  readonly uid: number
}

/** What the files of a machine say: the doctor's judgements are functions of this and of what was tried. Plain JSON. */
export interface Facts {
  readonly identity: Identity
  readonly distribution: { readonly name: string; readonly family: DistributionFamily | undefined }
  readonly kernel: { readonly release: string; readonly version: readonly [number, number] }
  /** Values below /proc/sys by dotted name; a missing file is left out. */
  readonly sysctl: Readonly<Partial<Record<string, string>>>
  /** Seccomp mode of this process (2: a filter) and whether set-uid programs have no effect. */
  readonly status: { readonly seccomp: number; readonly noNewPrivs: boolean }
  /** AppArmor or SELinux label of this process. */
  readonly label: string | undefined
  readonly selinux: 'enforcing' | 'permissive' | undefined
  readonly surroundings: Surroundings
  readonly mounts: readonly Mount[]
  readonly filesystems: readonly string[]
  readonly subordinate: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] }
  readonly entries: { readonly uids: readonly SubordinateEntry[]; readonly gids: readonly SubordinateEntry[] }
  readonly hasOtherIdSource: boolean
  readonly programs: Readonly<Partial<Record<string, ProgramFact>>>
  /** Soft and hard limit by the kernel's name, `Max open files`; Infinity is `unlimited`. */
  readonly limits: Readonly<Partial<Record<string, { readonly soft: number; readonly hard: number }>>>
  readonly cgroup: CgroupFacts
  readonly session: SessionFacts
}

/** The login session of systemd. */
export interface SessionFacts {
  /** Whether systemd is the machine's init. */
  readonly hasSystemd: boolean
  readonly runtimeDirectory: string | undefined
  readonly isOwned: boolean
  readonly hasBus: boolean
}

/** Whose facts, where they are not this process's own: for recorded machines. */
export interface FactsOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly identity?: Identity
}

const SYSCTLS = [
  ...['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'].map((kind) => `user.max_${kind}_namespaces`),
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'kernel.keys.maxkeys',
  'kernel.pid_max',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'fs.inotify.max_user_instances',
  'fs.aio-max-nr',
  'vm.max_map_count',
]

const PROGRAMS = [
  'newuidmap',
  'newgidmap',
  'getsubids',
  'slirp4netns',
  'pasta',
  'fuse-overlayfs',
  'unshare',
  'systemd-run',
]

/**
 * Reads what the machine's files say. Starts nothing.
 *
 * @param root - prefix of every path; a directory with recorded files in tests
 */
export function gatherFacts(root = '/', { env = process.env, identity = ownIdentity() }: FactsOptions = {}): Facts {
  const read = (path: string): string => readText(join(root, path))
  const mounts = parseMountinfo(read('proc/self/mountinfo'))
  const release = read('proc/sys/kernel/osrelease').trim()
  const osRelease = read('etc/os-release')
  const texts = { uids: read('etc/subuid'), gids: read('etc/subgid') }
  const status = read('proc/self/status')
  return {
    identity,
    distribution: {
      name: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? 'unknown',
      family: distributionFamily(osRelease),
    },
    kernel: { release, version: parseVersion(release) },
    sysctl: readSysctls(read),
    status: {
      seccomp: Number(/^Seccomp:\s*(\d+)/m.exec(status)?.[1] ?? 0),
      noNewPrivs: /^NoNewPrivs:\s*1$/m.test(status),
    },
    label: read('proc/self/attr/current').replace(/[\0\n]+$/, '') || undefined,
    selinux: { 1: 'enforcing', 0: 'permissive' }[read('sys/fs/selinux/enforce').trim()] as Facts['selinux'],
    surroundings: findSurroundings(read, (path) => exists(join(root, path)), env),
    mounts,
    filesystems: [...read('proc/filesystems').matchAll(/(\S+)$/gm)].map(([, type]) => type ?? ''),
    subordinate: {
      uids: ids.parseSubordinateIds(texts.uids, identity.name, identity.uid),
      gids: ids.parseSubordinateIds(texts.gids, identity.name, identity.uid),
    },
    entries: { uids: ids.parseSubordinateEntries(texts.uids), gids: ids.parseSubordinateEntries(texts.gids) },
    hasOtherIdSource: ids.usesOtherSource(read('etc/nsswitch.conf')),
    programs: findPrograms(root, env.PATH),
    limits: parseLimits(read('proc/self/limits')),
    cgroup: readCgroup(read, mounts, identity.uid),
    session: readSession(root, env, identity.uid),
  }
}

function readSession(root: string, env: NodeJS.ProcessEnv, uid: number): SessionFacts {
  const runtimeDirectory = env.XDG_RUNTIME_DIR || undefined
  const stat = runtimeDirectory ? tryStat(join(root, runtimeDirectory)) : undefined
  return {
    hasSystemd: exists(join(root, 'run/systemd/system')),
    runtimeDirectory,
    isOwned: stat !== undefined && stat.uid === uid,
    hasBus: runtimeDirectory !== undefined && exists(join(root, runtimeDirectory, 'bus')),
  }
}

function readSysctls(read: (path: string) => string): Facts['sysctl'] {
  const values = SYSCTLS.map((name) => [name, read(join('proc/sys', name.replaceAll('.', '/'))).trim()] as const)
  return Object.fromEntries(values.filter(([, value]) => value !== ''))
}

function findPrograms(root: string, path = '/usr/bin:/bin'): Facts['programs'] {
  const directories = path.split(':').filter((directory) => directory.startsWith('/'))
  const found = PROGRAMS.flatMap((name) => {
    for (const directory of directories) {
      const stat = tryStat(join(root, directory, name))
      if (stat?.isFile() && (stat.mode & 0o111) !== 0)
        return [[name, { path: join(directory, name), mode: stat.mode & 0o7777, uid: stat.uid }] as const]
    }
    return []
  })
  return Object.fromEntries(found)
}

function parseLimits(text: string): Facts['limits'] {
  const lines = [...text.matchAll(/^(Max .*?) {2,}(\S+) +(\S+)/gm)]
  const number = (value = ''): number => (value === 'unlimited' ? Infinity : Number(value))
  return Object.fromEntries(
    lines.map(([, name = '', soft, hard]) => [name, { soft: number(soft), hard: number(hard) }]),
  )
}

function parseVersion(release: string): [number, number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? []
  return [Number(major ?? 0), Number(minor ?? 0)]
}

function ownIdentity(): Identity {
  try {
    return { uid: process.getuid?.() ?? -1, name: userInfo().username }
  } catch {
    return { uid: process.getuid?.() ?? -1, name: undefined }
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function exists(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}

function tryStat(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
