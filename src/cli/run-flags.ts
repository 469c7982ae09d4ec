import type { ContainerOptions } from '../containers/options.ts'
import type { RlimitOptions } from '../rootless/rlimits.ts'
import { parseUlimit, rlimitNames, unlimited } from '../rootless/rlimits.ts'
import { parseFlags } from './parse-flags.ts'
import { readSecurityOption } from './security-option.ts'
import type { RunFlagName } from './run-flag-table.ts'
import { runFlags } from './run-flag-table.ts'
import type { MountFlag } from './run-values.ts'
import type { NetworkDraft } from './run-network-flags.ts'
import { networkOptions, newNetworkDraft } from './run-network-flags.ts'
import { addHost, readEgress, readExpose, readHostPort, readPublish } from './run-network-values.ts'
import { parseEnv, parseEnvFile, parseMount, parseTmpfs, parseVolume, readGivenFile } from './run-values.ts'
import { usageError } from './usage-error.ts'

/** What flags may need of their surroundings. */
export interface FlagSurroundings {
  readonly env: NodeJS.ProcessEnv
  readonly readText: (path: string) => string
}

/** What `airplant run` was asked for. */
export interface RunRequest {
  /** `stdin` and `tty` say whether -i and -t were given. */
  readonly options: ContainerOptions
  readonly printPlan: boolean
  /** Nothing is said of pulling. */
  readonly quiet: boolean
}

/** Options in the making. */
export interface RunDraft {
  options: { -readonly [Name in keyof ContainerOptions]: ContainerOptions[Name] }
  /** -e comes after every --env-file, wherever they stand. */
  env: Record<string, string>
  fileEnv: Record<string, string>
  rlimits: { -readonly [Name in keyof RlimitOptions]: RlimitOptions[Name] }
  network: NetworkDraft
  printPlan: boolean
  quiet: boolean
}

/**
 * Maps the words after `airplant run` to a container's options; undefined when help was asked for.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 * @example
 * parseRun(['-e', 'A=1', 'host', '--', 'env'], { env: process.env, readText }).options.env // { A: '1' }
 */
export function parseRun(args: readonly string[], around: FlagSurroundings): RunRequest | undefined {
  const { flags, rest } = parseFlags(args, runFlags)
  const empty = { options: {}, env: {}, fileEnv: {}, rlimits: {} }
  const draft: RunDraft = { ...empty, network: newNetworkDraft(), printPlan: false, quiet: false }
  for (const { name, value } of flags) {
    if (name === 'help') return undefined
    const read = readers[name as RunFlagName]
    read(draft, value as never, around)
  }
  const { options } = draft
  const command = commandAfterImage(draft, rest)
  const env = { ...draft.fileEnv, ...draft.env }
  if (Object.keys(env).length > 0) options.env = env
  if (Object.keys(draft.rlimits).length > 0) options.rlimits = draft.rlimits
  const hasOwn = typeof options.image === 'string' && options.image !== 'host'
  if (command.length === 0 && !options.entrypoint && !hasOwn) {
    throw usageError('Cannot run nothing: no command was given', 'Write airplant run host -- command')
  }
  Object.assign(options, networkOptions(draft.network, hasOwn))
  return {
    options: { ...options, ...(hasOwn && command.length === 0 ? {} : { command }) },
    printPlan: draft.printPlan,
    quiet: draft.quiet,
  }
}

/** Flags end at the image; one `--` between it and the command is for the reader only. */
function commandAfterImage({ options }: RunDraft, rest: readonly string[]): readonly string[] {
  if (options.image !== undefined) return rest
  const [image, ...command] = rest
  if (image === undefined)
    throw usageError('Cannot run nothing: no image was given', 'Write airplant run host -- command')
  if (/^[./~]/.test(image)) {
    const hint = `Write --rootfs ${image}, or "airplant load" an archive first`
    throw usageError(`Cannot use the image "${image}": a path, not a reference`, hint)
  }
  options.image = image
  return command[0] === '--' ? command.slice(1) : command
}

type Reader<Value> = (draft: RunDraft, value: Value, around: FlagSurroundings) => void
type ReaderOf<Name extends RunFlagName> =
  Extract<(typeof runFlags)[number], { readonly name: Name }> extends { readonly value: string }
    ? Reader<string>
    : Reader<boolean>

const readers: { readonly [Name in RunFlagName]: ReaderOf<Name> } = {
  interactive: ({ options }, value) => void (options.stdin = value),
  tty: ({ options }, value) => void (options.tty = value),
  env: (draft, value, { env }) => void Object.assign(draft.env, parseEnv(value, env)),
  'env-file': (draft, path, around) =>
    void Object.assign(draft.fileEnv, parseEnvFile(readGivenFile('--env-file', path, around.readText), around.env)),
  user: ({ options }, value) => void (options.user = value),
  'group-add': ({ options }, value) => void (options.groups = [...(options.groups ?? []), value]),
  workdir: ({ options }, value) => void (options.workdir = value),
  hostname: ({ options }, value) => void (options.hostname = value),
  volume: ({ options }, value) => addMount(options, parseVolume(value)),
  mount: ({ options }, value) => addMount(options, parseMount(value)),
  tmpfs: ({ options }, value) => void (options.tmpfs = [...(options.tmpfs ?? []), parseTmpfs(value)]),
  'shm-size': ({ options }, value) => void (options.shmSize = value),
  publish: ({ network }, value) => void network.published.push(readPublish(value)),
  'publish-all': ({ network }, value) => void (network.publishAll = value),
  expose: ({ network }, value) => void network.exposed.push(readExpose(value)),
  network: ({ network }, value) => void network.networks.push(value),
  'network-alias': ({ network }, value) => void network.aliases.push(value),
  ip: ({ network }, value) => void (network.ip = value),
  ip6: ({ network }, value) => void (network.ip6 = value),
  egress: ({ network }, value) => void (network.egress = readEgress(value)),
  'no-egress': ({ network }, value) => void (network.egress = !value),
  'host-access': ({ network }, value) => void network.hostAccess.push(readHostPort(value)),
  'add-host': ({ network }, value) => addHost(network.hosts, value),
  dns: ({ network }, value) => void network.dns.push(value),
  'dns-search': ({ network }, value) => void network.dnsSearch.push(value),
  'dns-option': ({ network }, value) => void network.dnsOptions.push(value),
  'read-only': ({ options }, value) => void (options.readOnly = value),
  init: ({ options }, value) => void (options.init = value),
  entrypoint: ({ options }, value) => void (options.entrypoint = value === '' ? [] : [value]),
  rootfs: ({ options }, value) => void (options.image = { rootfs: value }),
  pull: ({ options }, value) => void (options.pull = readPull(value)),
  platform: ({ options }, value) => void (options.platform = value),
  quiet: (draft, value) => void (draft.quiet = value),
  // Checked with the other options.
  storage: ({ options }, value) => void (options.storage = value as ContainerOptions['storage'] & string),
  'cap-add': ({ options }, value) => changeCapabilities(options, 'add', value),
  'cap-drop': ({ options }, value) => changeCapabilities(options, 'drop', value),
  'security-opt': ({ options }, value, around) =>
    void Object.assign(
      options,
      readSecurityOption(value, (path) => readGivenFile('the seccomp profile', path, around.readText)),
    ),
  ulimit: ({ rlimits }, value) => {
    const { resource, soft, hard } = parseUlimit(value)
    const limit = (number: bigint): bigint | 'unlimited' => (number === unlimited ? 'unlimited' : number)
    rlimits[rlimitNames[resource] ?? 'core'] = { soft: limit(soft), hard: limit(hard) }
  },
  'stop-signal': ({ options }, value) => void (options.stopSignal = value),
  'stop-timeout': ({ options }, value) => void (options.stopTimeout = readSeconds(value)),
  label: ({ options }, value) => addLabel(options, value),
  name: ({ options }, value) => void (options.name = value),
  'log-limit': ({ options }, value) => void (options.logLimit = readBytes(value)),
  rm: (_draft, value) => {
    if (!value) throw usageError('Cannot keep a container after its command', 'Leave out --rm=false')
  },
  'print-plan': (draft, value) => void (draft.printPlan = value),
}

function readPull(policy: string): 'missing' | 'always' | 'never' {
  if (policy === 'missing' || policy === 'always' || policy === 'never') return policy
  throw usageError(`Cannot use the pull policy "${policy}"`, 'Write --pull missing, --pull always or --pull never')
}

function addMount(options: RunDraft['options'], mount: MountFlag): void {
  if ('bind' in mount) options.binds = [...(options.binds ?? []), mount.bind]
  else if ('volume' in mount) options.volumes = [...(options.volumes ?? []), mount.volume]
  else options.tmpfs = [...(options.tmpfs ?? []), mount.tmpfs]
}

function readSeconds(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000
  throw usageError(`Cannot use "${text}" as --stop-timeout`, 'Give whole seconds')
}

const units: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

function readBytes(text: string): number {
  const [, count, unit = ''] = /^(\d{1,12})([bkmg]?)$/i.exec(text) ?? []
  if (count !== undefined) return Number(count) * (units[unit.toLowerCase()] ?? 1)
  throw usageError(`Cannot use "${text}" as --log-limit`, 'Give bytes, or text like "64k" or "1m"')
}

function changeCapabilities(options: RunDraft['options'], change: 'add' | 'drop', name: string): void {
  const changes = options.capabilities ?? {}
  options.capabilities = { ...changes, [change]: [...(changes[change] ?? []), name] }
}

function addLabel(options: RunDraft['options'], text: string): void {
  const [name = '', value = ''] = text.split(/=(.*)/s, 2)
  if (name === '') throw usageError(`Cannot use "${text}" as a label: no name`, 'Write NAME=VALUE')
  options.labels = { ...options.labels, [name]: value }
}
