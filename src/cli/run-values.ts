import type { BindOption, TmpfsOption, VolumeOption } from '../containers/options.ts'
import { usageError } from './usage-error.ts'

/** What is mounted from outside the container. */
export type MountFlag =
  { readonly bind: BindOption } | { readonly volume: VolumeOption } | { readonly tmpfs: TmpfsOption }

/** `SRC:DST[:ro|rw]`, where a SRC without `/` is a named volume. What else docker takes there is refused rather than ignored. */
export function parseVolume(text: string): Exclude<MountFlag, { readonly tmpfs: TmpfsOption }> {
  const [source = '', target, modes = '', ...more] = text.split(':')
  if (target === undefined) {
    throw usageError(`Cannot use "${text}" as a volume: no source`, 'Write SRC:DST; for an empty directory --tmpfs DST')
  }
  if (more.length > 0)
    throw usageError(`Cannot use "${text}" as a volume: too many colons`, 'Use --mount for such paths')
  const words = modes.split(',').filter(Boolean)
  const other = words.find((word) => word !== 'ro' && word !== 'rw')
  if (other !== undefined) throw usageError(`Cannot use volume option "${other}"`, 'Only "ro" and "rw" are supported')
  const readOnly = words.includes('ro')
  const isPath = /^[.~]|\//.test(source)
  return isPath ? { bind: { source, target, readOnly } } : { volume: { name: source, target, readOnly } }
}

/** `DST[:size=64m,mode=1777]`; what a tmpfs always is here may be said. */
export function parseTmpfs(text: string): TmpfsOption {
  const [target = '', ...options] = text.split(':')
  const found: { size?: string; mode?: number } = {}
  for (const word of options.join(':').split(',').filter(Boolean)) {
    const [name = '', value = ''] = word.split('=', 2)
    if (name === 'size') found.size = value
    else if (name === 'mode') found.mode = parseMode(value)
    else if (!['rw', 'nosuid', 'nodev', 'exec'].includes(word)) {
      throw usageError(`Cannot use tmpfs option "${word}"`, 'Only size= and mode= are supported')
    }
  }
  return { target, ...found }
}

const mountWords: Record<string, string> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
}

/** `type=bind,source=SRC,target=DST[,readonly]`, `type=volume` (the default) or `type=tmpfs,target=DST[,tmpfs-size=,tmpfs-mode=]`. */
export function parseMount(text: string): MountFlag {
  const fields = new Map<string, string>()
  for (const word of text.split(',')) {
    const [name = '', value = 'true'] = word.split(/=(.*)/s, 2)
    fields.set(mountWords[name] ?? name, value)
  }
  const take = (name: string): string | undefined => {
    const value = fields.get(name)
    fields.delete(name)
    return value
  }
  const type = take('type') ?? 'volume'
  const target = take('target')
  if (target === undefined) throw usageError(`Cannot mount "${text}": no target`, 'Add target=/path/inside')
  const mount = mounts[type]?.(text, target, take)
  if (!mount) {
    throw usageError(`Cannot mount type "${type}"`, 'Write type=bind,..., type=volume,... or type=tmpfs,...')
  }
  const [other] = fields.keys()
  if (other !== undefined)
    throw usageError(`Cannot use "${other}" with a mount of type "${type}"`, 'See "airplant run --help"')
  return mount
}

type Take = (name: string) => string | undefined

const mounts: Record<string, (text: string, target: string, take: Take) => MountFlag> = {
  bind: (text, target, take) => ({ bind: { source: sourceOf(text, take, '/path/here'), target, ...readOnlyOf(take) } }),
  volume: (text, target, take) => ({
    volume: { name: sourceOf(text, take, 'NAME'), target, ...readOnlyOf(take) },
  }),
  tmpfs: (_text, target, take) => tmpfsMount(target, take),
}

function sourceOf(text: string, take: Take, example: string): string {
  const source = take('source')
  if (source === undefined) throw usageError(`Cannot mount "${text}": no source`, `Add source=${example}`)
  return source
}

function readOnlyOf(take: Take): { readOnly: boolean } {
  const readOnly = take('readonly') ?? 'false'
  if (readOnly !== 'true' && readOnly !== 'false') {
    throw usageError(`Cannot use "${readOnly}" as readonly`, 'Write "readonly", or readonly=false')
  }
  return { readOnly: readOnly === 'true' }
}

function tmpfsMount(target: string, take: Take): { tmpfs: TmpfsOption } {
  const [size, mode] = [take('tmpfs-size'), take('tmpfs-mode')]
  return {
    tmpfs: {
      target,
      ...(size === undefined ? {} : { size }),
      ...(mode === undefined ? {} : { mode: parseMode(mode) }),
    },
  }
}

function parseMode(text: string): number {
  if (/^[0-7]{1,5}$/.test(text)) return parseInt(text, 8)
  throw usageError(`Cannot use "${text}" as a mode`, 'Write it in octal, as 1777')
}

/** The variables of a file in docker's form: lines as they are, without quotes or expansion; `#` begins a comment. */
export function parseEnvFile(text: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const given = lines.map((line) => line.trimStart()).filter((line) => line !== '' && !line.startsWith('#'))
  return Object.assign({}, ...given.map((line) => parseEnv(line, env))) as Record<string, string>
}

/** `NAME=VALUE`, or `NAME` for the caller's value; nothing when the caller has none. */
export function parseEnv(text: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  if (name === '' || /\s/.test(name)) {
    throw usageError(`Cannot set the variable "${text}": no name, or one with spaces`, 'Write NAME=VALUE')
  }
  const value = equals < 0 ? env[name] : text.slice(equals + 1)
  return value === undefined ? {} : { [name]: value }
}

/** The text of a file that a flag names. @throws {AirplantError} `ERR_INVALID_OPTION` when it cannot be read */
export function readGivenFile(what: string, path: string, readText: (path: string) => string): string {
  try {
    return readText(path)
  } catch (error) {
    throw usageError(
      `Cannot read ${what} "${path}": ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      'Check the path',
    )
  }
}
