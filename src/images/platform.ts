import { AirplantError } from '../errors.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import type { ImageIndex } from './manifest.ts'
import { mediaTypes } from './media-types.ts'
import { listBriefly } from './list-briefly.ts'
import { quoteBriefly } from './quote-briefly.ts'

const nodeArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
}

/** What this process runs on. */
export function hostPlatform(arch: string = process.arch): Platform {
  return normalise({ os: 'linux', architecture: nodeArchitectures[arch] ?? arch })
}

/**
 * Reads a platform as docker's `--platform` takes it.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`
 * @example
 * parsePlatform('linux/arm64') // { os: 'linux', architecture: 'arm64', variant: 'v8' }
 * parsePlatform('arm/v7')      // { os: 'linux', architecture: 'arm', variant: 'v7' }
 */
export function parsePlatform(text: string): Platform {
  const parts = typeof text === 'string' ? text.toLowerCase().split('/') : []
  const fine = parts.length >= 1 && parts.length <= 3 && parts.every((part) => /^[a-z0-9][a-z0-9_.-]*$/.test(part))
  if (fine) {
    const [first = '', second, third] = parts
    if (second === undefined && first !== 'linux') return normalise({ os: 'linux', architecture: first })
    if (second === undefined) return { ...hostPlatform(), os: first }
    // "arm/v7" names no operating system.
    if (third === undefined && /^v\d+$/.test(second)) {
      return normalise({ os: 'linux', architecture: first, variant: second })
    }
    return normalise({ os: first, architecture: second, ...(third !== undefined && { variant: third }) })
  }
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot use ${quoteBriefly(text)} as a platform`,
    hint: 'Write it as "linux/amd64" or "linux/arm/v7"',
  })
}

/** As an operator reads it, `'linux/arm64/v8'`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join('/')
}

/**
 * Chooses an index's manifest for a platform: the nearest variant that it can run, and of equals the first.
 *
 * @throws {AirplantError} `ERR_PLATFORM_MISSING`, which lists what there is
 */
export function choosePlatform(index: ImageIndex, wanted: Platform = hostPlatform()): Descriptor {
  const images = index.manifests.filter((entry) => isImage(entry))
  let best: Descriptor | undefined
  let bestRank = Infinity
  for (const entry of images) {
    const rank = entry.platform ? rankOf(entry.platform, wanted) : Infinity
    if (rank < bestRank) [best, bestRank] = [entry, rank]
  }
  // An index of one image need not say what that is for: its configuration does.
  const only = images.length === 1 && !images[0]!.platform ? images[0] : undefined
  const chosen = best ?? only
  if (chosen) return chosen
  const there = images.map(({ platform }) => (platform ? formatPlatform(platform) : 'unknown'))
  const shown = listBriefly([...new Set(there)])
  throw missing(wanted, `the index has ${shown === '' ? 'no images' : shown}`)
}

/**
 * Checks that an image without an index is made for a platform.
 *
 * @param name for the message
 * @throws {AirplantError} `ERR_PLATFORM_MISSING`
 */
export function checkPlatform(actual: Platform, wanted: Platform, name: string): void {
  if (isPlatform(actual, wanted)) return
  throw missing(wanted, `"${name}" is made for ${listBriefly([formatPlatform(normalise(actual))])}`)
}

/** Whether what is made for one platform runs on another. Images made by hand often do not say what they are made for. */
export function isPlatform(actual: Platform, wanted: Platform): boolean {
  return actual.architecture === '' || rankOf(actual, wanted) < Infinity
}

// Docker's names, https://github.com/containerd/platforms/blob/main/database.go
const aliases: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  i386: ['386'],
  i486: ['386'],
  i586: ['386'],
  i686: ['386'],
  x86: ['386'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  armv8l: ['arm', 'v8'],
  armv7l: ['arm', 'v7'],
  armv6l: ['arm', 'v6'],
  armv5l: ['arm', 'v5'],
}

/** A platform in the one way to write it: aliases replaced, and the variant that is meant when none is said filled in. */
function normalise({ os, architecture, variant }: Platform): Platform {
  const written = architecture.toLowerCase()
  const [name = written, implied] = (Object.hasOwn(aliases, written) && aliases[written]) || []
  const said = variant?.toLowerCase().replace(/^(\d)/, 'v$1') || implied
  const usual = name === 'arm64' ? 'v8' : name === 'arm' ? 'v7' : undefined
  const full = name === 'amd64' && said === 'v1' ? undefined : (said ?? usual)
  return { os: os.toLowerCase() || 'linux', architecture: name, ...(full && { variant: full }) }
}

/** 0 is the platform itself, more an older variant that it runs too, Infinity one that it does not run. */
function rankOf(actual: Platform, wanted: Platform): number {
  const [one, other] = [normalise(actual), normalise(wanted)]
  if (one.os !== other.os || one.architecture !== other.architecture) return Infinity
  if (one.variant === other.variant) return 0
  const [level, most] = [levelOf(one), levelOf(other)]
  return level <= most ? most - level : Infinity
}

function levelOf({ variant }: Platform): number {
  if (variant === undefined) return 1
  const [, level] = /^v(\d+)/.exec(variant) ?? []
  return level === undefined ? Infinity : Number(level)
}

/** Build attestations are listed like images, for a platform that nobody has. */
function isImage({ mediaType, platform, annotations }: Descriptor): boolean {
  if (annotations?.['vnd.docker.reference.type'] !== undefined) return false
  if (platform?.os === 'unknown' && platform.architecture === 'unknown') return false
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest
}

function missing(wanted: Platform, what: string): AirplantError {
  return new AirplantError({
    code: 'ERR_PLATFORM_MISSING',
    phase: 'pull',
    message: `Cannot use the image on ${formatPlatform(wanted)}: ${what}`,
    hint: 'Choose another image or tag, or set the platform option to one that it has',
  })
}
