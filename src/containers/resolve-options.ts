import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import type { LocalImage } from '../images/image.ts'
import { parsePlatform } from '../images/platform.ts'
import { resolveCapabilities } from '../rootless/capabilities.ts'
import { parseRlimits } from '../rootless/rlimits.ts'
import { parseSignal } from '../rootless/signals.ts'
import { checkOptions } from '../rootless/check-options.ts'
import { placedFiles } from './files.ts'
import { resolveImageConfig } from './image-config.ts'
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
import type { BindOption, ContainerOptions, ImageSource, TmpfsOption, VolumeOption } from './options.ts'
import { bindShape, capabilitiesShape, containerShape, tmpfsShape, volumeShape } from './option-shapes.ts'
import { checkName } from '../networks/network-options.ts'
import { resolveEgress, resolveHostAccess } from './networking/egress-options.ts'
import { resolveNames } from './networking/names-options.ts'
import { resolveNetwork } from './networking/network-option.ts'
import { parseHealthcheck } from './parse-healthcheck.ts'
import { checkPullPolicy, parseImage } from './parse-image.ts'
import { requestPorts } from './ports.ts'
import type { ContainerSpec, LayeredRoot, TmpfsSpec } from './spec.ts'

const SHM_SIZE = 64 * 1024 ** 2
const LOG_LIMIT = 1024 ** 2
const LEAST_LOG_LIMIT = 4096
const STOP_TIMEOUT = 10_000

/** Twelve hexadecimal digits, as docker shows them. Of a UUID, because Node keeps those in store. */
export function newId(): string {
  const uuid = randomUUID()
  return uuid.slice(0, 8) + uuid.slice(9, 13)
}

/** Gives the image that was chosen; it may have to be pulled. */
export type FindImage = (source: string | ImageSource, signal: AbortSignal | undefined) => Promise<LocalImage>

/**
 * Checks the options and fills in the defaults. What is wrong with them is told before an image is looked for.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_INVALID_IMAGE`, `ERR_SOURCE_MISSING` (a file to place), and those of `findImage`
 */
export async function resolveOptions(
  options: ContainerOptions,
  cwd: string,
  findImage: FindImage,
): Promise<ContainerSpec> {
  checkOptions('a container', options, containerShape)
  if (options.capabilities) checkOptions('capabilities', options.capabilities, capabilitiesShape)
  const id = newId()
  const choice = parseImage(options.image ?? 'host', cwd)
  if (options.pull !== undefined) checkPullPolicy(options.pull)
  if (options.platform !== undefined) parsePlatform(options.platform)
  const sandbox = await resolveSandbox(options, id, cwd)
  if (choice.kind === 'host' || choice.kind === 'rootfs') {
    const isHost = choice.kind === 'host'
    const root = isHost ? 'host' : { lowers: [choice.path], mode: 0o755, image: undefined }
    const program = resolveProgram(options, isHost ? cwd : '/')
    return { id, image: choice.name, root, ...sandbox, ...program, imageVolumes: [] }
  }
  if (choice.kind === 'stored') resolveProgram(withPlaceholders(options), '/')
  const image = choice.kind === 'local' ? choice.image : await findImage(choice.source, options.signal)
  const program = resolveProgram(resolveImageConfig(options, image.config), '/')
  const imageVolumes = freeVolumes(image.config.volumes, [
    ...[...sandbox.binds, ...sandbox.volumes, ...sandbox.tmpfs],
    ...sandbox.sockets.map((target) => ({ target })),
  ])
  return { id, image: choice.name, root: layersOf(image), ...sandbox, ...program, imageVolumes }
}

type Program = Pick<
  ContainerSpec,
  'argv' | 'env' | 'user' | 'workdir' | 'stopSignal' | 'labels' | 'ports' | 'healthcheck'
>

/** What an image has a say in. */
function resolveProgram(options: ContainerOptions, workdir: string): Program {
  return {
    argv: parseCommand([...(options.entrypoint ?? []), ...(options.command ?? [])]),
    env: parseEnv(options.env ?? {}),
    user: parseUser(options.user ?? ''),
    workdir: options.workdir === undefined ? workdir : parseTarget('workdir', options.workdir),
    stopSignal: parseSignal(options.stopSignal ?? 'SIGTERM'),
    labels: { ...options.labels },
    ports: requestPorts(options.ports ?? []),
    healthcheck: parseHealthcheck(options.healthcheck),
  }
}

type Sandbox = Omit<ContainerSpec, keyof Program | 'id' | 'image' | 'root' | 'imageVolumes'>

async function resolveSandbox(options: ContainerOptions, id: string, cwd: string): Promise<Sandbox> {
  const capabilities = resolveCapabilities(options.capabilities)
  return {
    groups: (options.groups ?? []).map((group) => parseName(group, group)),
    hostname: resolveHostname(options.hostname ?? id),
    files: options.files ? await placedFiles(options.files, cwd) : [],
    binds: (options.binds ?? []).map((bind) => resolveBind(bind, cwd)),
    tmpfs: (options.tmpfs ?? []).map(resolveTmpfs),
    sockets: (options.sockets ?? []).map((target) => parseMountTarget('a directory of sockets', target)),
    volumes: (options.volumes ?? []).map(resolveVolume),
    shmSize: options.shmSize === undefined ? SHM_SIZE : parseSize('shmSize', options.shmSize),
    readOnly: options.readOnly ?? false,
    init: options.init ?? false,
    capabilities: capabilities.mask,
    capabilityNames: capabilities.names,
    seccomp: options.seccomp ?? 'default',
    noNewPrivileges: options.noNewPrivileges ?? true,
    rlimits: parseRlimits(options.rlimits ?? {}),
    stopTimeout: parseMilliseconds('stopTimeout', options.stopTimeout ?? STOP_TIMEOUT),
    tty: parseTty(options.tty),
    stdin: options.stdin ?? false,
    attach: options.attach ?? false,
    name: options.name === undefined ? undefined : checkName('a container', options.name),
    network: resolveNetwork(options),
    egress: resolveEgress(options),
    hostAccess: resolveHostAccess(options),
    names: resolveNames(options),
    logLimit: resolveLogLimit(options.logLimit ?? LOG_LIMIT),
    storage: resolveStorage(options.storage),
  }
}

/** The options with something in place of what only the image can say, so that the rest can be checked without it. */
function withPlaceholders(options: ContainerOptions): ContainerOptions {
  const { command, ports = [], healthcheck } = options
  const given = ports === 'exposed' ? [] : ports
  return {
    ...options,
    command: command?.length ? command : ['true'],
    ports: Array.isArray(given) ? given.filter((port) => port !== 'exposed') : given,
    ...(healthcheck ? { healthcheck: { command: ['true'], ...healthcheck } } : {}),
  }
}

/** An image's layers as an overlay takes them. The root's mode is that of the topmost layer that says. */
function layersOf(image: LocalImage): LayeredRoot {
  const layers = image.layers.toReversed()
  const mode = layers.find(({ rootMode }) => rootMode !== undefined)?.rootMode ?? 0o755
  return { lowers: layers.map(({ directory }) => directory), mode, image }
}

/** Declared volumes that nothing of the options is mounted on, and that are not the sandbox's. */
function freeVolumes(paths: readonly string[], mounts: readonly { readonly target: string }[]): string[] {
  const taken = new Set(mounts.map(({ target }) => resolve('/', target)))
  return paths
    .map((path) => resolve('/', path))
    .filter((path) => !taken.has(path) && path !== '/' && !/^\/(proc|sys|dev)(\/|$)/.test(path))
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

function resolveVolume(option: VolumeOption): Required<VolumeOption> {
  checkOptions('a volume', option, volumeShape)
  const { name, target, readOnly = false } = option
  if (typeof name !== 'string' || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}$/.test(name)) {
    const hint = 'Use up to 200 letters, digits, "_", "." and "-"; directories of the host are binds'
    throw invalidOption('name of a volume', name, 'not such a name', hint)
  }
  return { name, target: parseMountTarget('target of a volume', target), readOnly }
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

function resolveStorage(storage: ContainerOptions['storage']): ContainerOptions['storage'] {
  if (storage === undefined || ['overlay', 'fuse-overlayfs', 'copy'].includes(storage)) return storage
  throw invalidOption('storage', storage, 'unknown', 'Use "overlay", "fuse-overlayfs" or "copy"')
}
