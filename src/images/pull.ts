import { statSync } from 'node:fs'
import { AirplantError } from '../errors.ts'
import type { LocalImage } from './image.ts'
import type { ImageSource, PullPolicy } from './image-source.ts'
import { checkPlatform, isPlatform, parsePlatform } from './platform.ts'
import type { PullOptions } from './pull-image.ts'
import { ImageStore } from './store/image-store.ts'

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
  const { session, env, pull = 'missing', platform } = options
  const store = ImageStore.of(session, env)
  const known = pull === 'always' ? undefined : await store.find(source)
  if (known && isFresh(store, source, pull)) {
    if (platform === undefined || isFor(known, platform)) return known
    if (pull === 'never') checkPlatform(known.config.platform, parsePlatform(platform), source)
  }
  // Packed it may be there all the same: unpacked for another mapping of IDs, or read by another tool.
  const stored = !known && pull !== 'always' ? store.lookup(source) : undefined
  if (stored && (platform === undefined || isFor(stored, platform)) && isFresh(store, source, pull)) {
    const { unpackStored } = await import('./unpack-stored.ts')
    const unpacked = await unpackStored(store, stored, options)
    if (unpacked) return unpacked
  }
  if (pull === 'never') throw notAllowed(source, store.home)
  const { pullImage } = await import('./pull-image.ts')
  return await pullImage(source, options)
}

function isFor({ config }: Pick<LocalImage, 'config'>, platform: string): boolean {
  return isPlatform(config.platform, parsePlatform(platform))
}

/** A pull leaves its time at the manifest. */
function isFresh(store: ImageStore, name: string, pull: PullPolicy): boolean {
  if (typeof pull !== 'object') return true
  const { descriptor } = store.lookup(name) ?? {}
  const stat = descriptor && statSync(store.blobs.path(descriptor.digest), { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs < pull.newerThan
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
