import type { Healthcheck, HistoryEntry, ImageConfig } from './image.ts'
import { digestFault, isDigest } from './digest.ts'
import { JsonFields } from './json-fields.ts'
import { LARGEST_DOCUMENT, MOST_LAYERS } from './manifest.ts'

const MOST_HISTORY = 10_000

/** How {@link parseImageConfig} reads. */
export interface ImageConfigOptions {
  /** Whether `'snapshot:…'` may stand for the diff ID of a layer that was never packed. Default false. */
  readonly snapshots?: boolean
}

/**
 * Reads the configuration of an image, every field that is used with its type checked. Nothing in it is resolved against this machine: a
 * variable without a value is empty, and never the host's of that name (CVE-2026-57231).
 *
 * @throws {AirplantError} `ERR_INVALID_IMAGE`
 * @example
 * const { cmd, env, user } = parseImageConfig(bytes)
 */
export function parseImageConfig(bytes: Uint8Array, options: ImageConfigOptions = {}): ImageConfig {
  const document = JsonFields.parse(bytes, "the image's configuration", LARGEST_DOCUMENT)
  const config = document.fields('config')
  const shell = config?.texts('Shell') ?? []
  const variant = document.text('variant')
  const parsed: ImageConfig = {
    platform: {
      os: document.text('os') || 'linux',
      architecture: document.text('architecture') ?? '',
      ...(variant && { variant }),
    },
    created: document.text('created'),
    author: document.text('author'),
    env: readEnv(config?.texts('Env') ?? []),
    entrypoint: config?.words('Entrypoint') ?? [],
    cmd: config?.words('Cmd') ?? [],
    user: config?.text('User') ?? '',
    workdir: config?.text('WorkingDir') ?? '',
    exposedPorts: keysOf(config, 'ExposedPorts'),
    volumes: keysOf(config, 'Volumes'),
    stopSignal: config?.text('StopSignal') || undefined,
    healthcheck: readHealthcheck(config?.fields('Healthcheck'), shell),
    shell,
    labels: config?.textMap('Labels') ?? {},
    diffIds: readDiffIds(document, options.snapshots ?? false),
    history: (document.list('history', MOST_HISTORY) ?? []).map(readHistory),
    document: document.object,
  }
  const { env, entrypoint, cmd, user, workdir, volumes, healthcheck } = parsed
  const given = [...env, ...entrypoint, ...cmd, user, workdir, ...volumes, ...(healthcheck?.command ?? [])]
  if (given.some((text) => text.includes('\0')))
    throw document.wrong('config', 'holds a NUL, which ends a text for the kernel')
  return parsed
}

// A name without "=" is an empty variable, and one without a name is none.
function readEnv(entries: readonly string[]): string[] {
  return entries.filter((entry) => !/^(=|$)/.test(entry)).map((entry) => (entry.includes('=') ? entry : `${entry}=`))
}

function keysOf(config: JsonFields | undefined, name: string): string[] {
  return Object.keys(config?.fields(name)?.object ?? {})
}

/** The field's times are in nanoseconds, and 0 means the default. */
const nanosecondsPerMillisecond = 1e6

const defaultShell = ['/bin/sh', '-c']

function readHealthcheck(fields: JsonFields | undefined, shell: readonly string[]): Healthcheck | undefined {
  const [kind, ...rest] = fields?.texts('Test') ?? []
  if (!fields || kind === undefined || kind === 'NONE') return undefined
  if (kind !== 'CMD' && kind !== 'CMD-SHELL') throw fields.wrong('Test', 'begins with none of NONE, CMD and CMD-SHELL')
  if (rest.length === 0) throw fields.wrong('Test', 'has no command')
  const time = (name: string, usual: number): number => {
    const value = fields.number(name) ?? 0
    if (value < 0) throw fields.wrong(name, 'is negative')
    return value === 0 ? usual : value / nanosecondsPerMillisecond
  }
  return {
    command: kind === 'CMD' ? rest : [...(shell.length > 0 ? shell : defaultShell), ...rest],
    interval: time('Interval', 30_000),
    timeout: time('Timeout', 30_000),
    startPeriod: time('StartPeriod', 0),
    startInterval: time('StartInterval', 5_000),
    retries: fields.count('Retries') || 3,
  }
}

function readDiffIds(document: JsonFields, snapshots: boolean): readonly string[] {
  const rootfs = document.fields('rootfs')
  const type = rootfs?.text('type') ?? 'layers'
  if (type !== 'layers') throw document.wrong('rootfs.type', 'is not "layers"')
  const ids = rootfs?.texts('diff_ids') ?? []
  if (ids.length > MOST_LAYERS) {
    throw document.wrong('rootfs.diff_ids', `has ${ids.length} items, and ${MOST_LAYERS} are the most`)
  }
  for (const [index, id] of ids.entries()) {
    if (isDigest(id) || (snapshots && /^snapshot:[0-9a-f]{32}$/.test(id))) continue
    throw document.wrong(`rootfs.diff_ids[${index}]`, `is wrong: ${digestFault(id)}`)
  }
  return ids
}

function readHistory(fields: JsonFields): HistoryEntry {
  return {
    created: fields.text('created'),
    createdBy: fields.text('created_by'),
    comment: fields.text('comment'),
    author: fields.text('author'),
    emptyLayer: fields.flag('empty_layer'),
  }
}
