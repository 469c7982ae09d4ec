import { AirplantError } from '../errors.ts'
import { now } from '../rootless/clock.ts'
import { aboutImage } from './about-image.ts'
import type { LocalImage } from './image.ts'
import type { ImageSource, PullPolicy } from './image-source.ts'
import { checkPlatform, isPlatform, parsePlatform } from './platform.ts'
import type { PullOptions } from './pull-image.ts'
import { formatReference, parseReference } from './reference.ts'
import { ImageStore } from './store/image-store.ts'
import type { StoredImage } from './store/image-table.ts'

/** How an image is got. */
export interface EnsureOptions extends PullOptions {
  /** @default 'missing' */
  readonly pull?: PullPolicy | undefined
}

/**
 * The image of that name or ID, from the store or else from its registry, or of an archive or directory, read into the store when it is
 * not there yet.
 *
 * @throws {AirplantError} `ERR_IMAGE_NOT_FOUND` when the policy forbids to look further, and those of {@link pullImage} and `loadImages`
 * @example
 * const image = await ensureImage('postgres:17', { session, env: process.env, pull: { newerThan: 86_400_000 } })
 */
export async function ensureImage(source: string | ImageSource, options: EnsureOptions): Promise<LocalImage> {
  if (typeof source !== 'string') {
    const { loadSource } = await import('./load-source.ts')
    return await loadSource(source, options)
  }
  const began = now()
  try {
    return (await fromStore(source, options)) ?? (await fromRegistry(source, options))
  } catch (error) {
    throw aboutImage(error, { phase: 'pull', image: source, began, signal: options.signal })
  }
}

async function fromRegistry(source: string, options: EnsureOptions): Promise<LocalImage> {
  if (options.pull === 'never') throw notAllowed(source, ImageStore.of(options.session, options.env).home)
  const { pullImage } = await import('./pull-image.ts')
  return await pullImage(source, options)
}

/** What the store has and the policy lets count. */
async function fromStore(source: string, options: EnsureOptions): Promise<LocalImage | undefined> {
  const { session, env, pull = 'missing', platform } = options
  const store = ImageStore.of(session, env)
  const stored = store.lookup(source)
  if (!stored || !isFresh(stored, source, pull)) return undefined
  if (platform !== undefined && !isPlatform(stored.config.platform, parsePlatform(platform))) {
    if (pull === 'never') checkPlatform(stored.config.platform, parsePlatform(platform), source)
    return undefined
  }
  const known = store.local(stored)
  if (known) return known
  // Packed it may be there all the same: unpacked for another mapping of IDs, or read by another tool.
  const { unpackStored } = await import('./unpack-stored.ts')
  return await unpackStored(store, stored, options)
}

/** Whether an image need not be asked for again. Only a name can come to mean another one, not an ID. */
function isFresh(stored: StoredImage, source: string, pull: PullPolicy): boolean {
  if (pull === 'missing' || pull === 'never') return true
  const name = stored.names.includes(source) ? source : fullName(source)
  const isName = name !== undefined && stored.names.includes(name)
  if (pull === 'always') return !isName && !source.includes('@')
  if (!isName || name.includes('@')) return true
  const age = Date.now() - (stored.checked.get(name) ?? -Infinity)
  // A clock that was wrong then makes no image fresh for years.
  return age >= 0 && age < pull.newerThan
}

function fullName(source: string): string | undefined {
  try {
    return formatReference(parseReference(source))
  } catch {
    return undefined
  }
}

function notAllowed(name: string, home: string): AirplantError {
  return new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    phase: 'pull',
    message: `Cannot find "${name}" in the store "${home}", and the pull policy is "never"`,
    hint: `Run "airplant pull ${name}" before, or leave out the policy`,
    image: name,
  })
}
