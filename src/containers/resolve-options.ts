import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { resolveCapabilities } from '../rootless/capabilities.ts'
import { parseRlimits } from '../rootless/rlimits.ts'
import { parseSignal } from '../rootless/signals.ts'
import { checkOptions } from './check-options.ts'
import { placedFiles } from './files.ts'
import {
  invalidOption,
  parseCommand,
  parseEnv,
  parseMilliseconds,
  parseMode,
  parseName,
  parseSize,
  parseTarget,
  parseTty,
  parseUser,
} from './option-parsers.ts'
import type { BindOption, ContainerOptions, Image, TmpfsOption } from './options.ts'
import { bindShape, capabilitiesShape, containerShape, imageShape, tmpfsShape } from './option-shapes.ts'
import { requestPorts } from './ports.ts'
import type { ContainerSpec, TmpfsSpec } from './spec.ts'

const SHM_SIZE = 64 * 1024 ** 2
const LOG_LIMIT = 1024 ** 2
const LEAST_LOG_LIMIT = 4096
const STOP_TIMEOUT = 10_000

/** Twelve hexadecimal digits, as docker shows them. Of a UUID, because Node keeps those in store. */
export function newId(): string {
  const uuid = randomUUID()
  return uuid.slice(0, 8) + uuid.slice(9, 13)
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_SOURCE_MISSING` (a file to place)
 */
export async function resolveOptions(options: ContainerOptions, cwd: string): Promise<ContainerSpec> {
  checkOptions('a container', options, containerShape)
  if (options.capabilities) checkOptions('capabilities', options.capabilities, capabilitiesShape)
  const id = newId()
  const rootfs = resolveImage(options.image ?? 'host', cwd)
  const capabilities = resolveCapabilities(options.capabilities)
  return {
    id,
    rootfs,
    argv: parseCommand([...(options.entrypoint ?? []), ...(options.command ?? [])]),
    env: parseEnv(options.env ?? {}),
    user: parseUser(options.user ?? ''),
    groups: (options.groups ?? []).map((group) => parseName(group, group)),
    workdir: options.workdir === undefined ? (rootfs ? '/' : cwd) : parseTarget('workdir', options.workdir),
    hostname: resolveHostname(options.hostname ?? id),
    files: options.files ? await placedFiles(options.files, cwd) : [],
    binds: (options.binds ?? []).map((bind) => resolveBind(bind, cwd)),
    tmpfs: (options.tmpfs ?? []).map(resolveTmpfs),
    shmSize: options.shmSize === undefined ? SHM_SIZE : parseSize('shmSize', options.shmSize),
    readOnly: options.readOnly ?? false,
    init: options.init ?? false,
    capabilities: capabilities.mask,
    capabilityNames: capabilities.names,
    seccomp: options.seccomp ?? 'default',
    noNewPrivileges: options.noNewPrivileges ?? true,
    rlimits: parseRlimits(options.rlimits ?? {}),
    stopSignal: parseSignal(options.stopSignal ?? 'SIGTERM'),
    stopTimeout: parseMilliseconds('stopTimeout', options.stopTimeout ?? STOP_TIMEOUT),
    labels: { ...options.labels },
    tty: parseTty(options.tty),
    stdin: options.stdin ?? false,
    attach: options.attach ?? false,
    network: resolveNetwork(options.network ?? 'none'),
    ports: requestPorts(options.ports ?? []),
    logLimit: resolveLogLimit(options.logLimit ?? LOG_LIMIT),
    storage: resolveStorage(options.storage),
  }
}

function resolveImage(image: Image, cwd: string): string | undefined {
  if (image === 'host') return undefined
  if (typeof image === 'string') {
    const hint = 'Use "host", or { rootfs: directory } with an unpacked image'
    throw invalidOption('image', image, 'images of registries cannot be used yet', hint)
  }
  checkOptions('image', image, imageShape)
  const { rootfs } = image
  if (typeof rootfs !== 'string' || rootfs === '' || rootfs.includes('\0')) {
    throw invalidOption('image', rootfs, 'not a directory', 'Use "host" or { rootfs: "/path/to/a/root" }')
  }
  return resolve(cwd, rootfs)
}

function resolveHostname(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9.-]{0,62}$/.test(name)) return name
  throw invalidOption('hostname', name, 'not a host name', 'Use up to 63 letters, digits, "-" and "."')
}

function resolveLogLimit(limit: number | string): number {
  const bytes = parseSize('logLimit', limit)
  if (bytes >= LEAST_LOG_LIMIT) return bytes
  throw invalidOption('logLimit', limit, 'too small', `Give at least ${LEAST_LOG_LIMIT} bytes`)
}

function resolveBind(option: BindOption, cwd: string): Required<BindOption> {
  checkOptions('a bind', option, bindShape)
  const { source, target, readOnly = false } = option
  if (typeof source !== 'string' || source === '' || source.includes('\0')) {
    throw invalidOption('source of a bind', source, 'not a path', 'Give a file or directory of the host')
  }
  const path = resolve(cwd, source)
  if (showsProcesses(path)) {
    const problem = 'its /proc would show the processes of all containers, and their files'
    throw invalidOption('source of a bind', source, problem, 'Bind the directories that are needed')
  }
  return { source: path, target: parseMountTarget('target of a bind', target), readOnly }
}

/** The keeper's own /proc, from which a container could enter another through /proc/PID/root. */
function showsProcesses(path: string): boolean {
  try {
    return /^\/(proc(\/|$)|$)/.test(realpathSync(path))
  } catch {
    // What is missing is told later.
    return false
  }
}

function resolveTmpfs(option: string | TmpfsOption): TmpfsSpec {
  if (typeof option === 'string' && option.includes(':')) {
    throw invalidOption('tmpfs', option, 'a text is the path alone', 'Write { target, size, mode }')
  }
  const given = typeof option === 'string' ? { target: option } : option
  checkOptions('a tmpfs', given, tmpfsShape)
  const { target, size, mode = 0o1777 } = given
  return {
    target: parseMountTarget('target of a tmpfs', target),
    size: size === undefined ? undefined : parseSize('size of a tmpfs', size),
    mode: parseMode('mode of a tmpfs', mode),
  }
}

// A volume over /proc or /sys would take masks and labels elsewhere (CVE-2019-19921).
function parseMountTarget(option: string, value: string): string {
  const target = parseTarget(option, value)
  const normal = resolve('/', target)
  if (normal !== '/' && !/^\/(proc|sys)(\/|$)/.test(normal)) return target
  throw invalidOption(option, value, 'that place belongs to the sandbox', 'Choose another directory')
}

function resolveNetwork(network: string): 'none' | 'host' {
  if (network === 'none' || network === 'host') return network
  throw invalidOption('network', network, 'unknown', 'Use "none" or "host"')
}

function resolveStorage(storage: ContainerOptions['storage']): ContainerOptions['storage'] {
  if (storage === undefined || ['overlay', 'fuse-overlayfs', 'copy'].includes(storage)) return storage
  throw invalidOption('storage', storage, 'unknown', 'Use "overlay", "fuse-overlayfs" or "copy"')
}
