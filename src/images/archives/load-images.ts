import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { AirplantError } from '../../errors.ts'
import type { Session } from '../../rootless/session.ts'
import type { UnpackLimits } from '../layers/unpack-limits.ts'
import { unpackLimits } from '../layers/unpack-limits.ts'
import { nameInMessage } from '../name-in-message.ts'
import { hostPlatform, parsePlatform } from '../platform.ts'
import type { OnProgress } from '../progress.ts'
import { listBriefly } from '../list-briefly.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { ImageStore } from '../store/image-store.ts'
import { incomplete, type ArchiveFiles } from './archive-files.ts'
import type { ArchivedImage } from './archived-image.ts'
import { readDockerArchive } from './docker-archive.ts'
import { keepImage, type LoadedImage } from './keep-image.ts'
import { LayoutDirectory } from './layout-directory.ts'
import { readOciLayout } from './oci-layout.ts'
import { spoolArchive } from './spool-archive.ts'

/** Where images come from: a file or directory by its path, or bytes, from standard input for example. */
export type ArchiveSource = string | AsyncIterable<Uint8Array>

/** How images are loaded. */
export interface LoadOptions {
  /** Only the image of this name. @default all */
  readonly reference?: string | undefined
  /** `'linux/arm64'`, of images for several. @default this machine's */
  readonly platform?: string | undefined
  /** There has to be one image only, so that it is clear which is meant. @default false */
  readonly single?: boolean | undefined
  readonly limits?: Partial<UnpackLimits> | undefined
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Reads images into the store, unpacked and under the names that they have: of what `docker save` writes, an archive of an OCI layout, both also compressed
 * by gzip or Zstandard, or a directory in the OCI layout. What it is is seen from the content.
 *
 * @throws {AirplantError} `ERR_SOURCE_MISSING`, `ERR_INVALID_ARCHIVE`, `ERR_INVALID_IMAGE`, `ERR_IMAGE_NOT_FOUND` (no image of that name in it),
 *   `ERR_PLATFORM_MISSING`, `ERR_DIGEST_MISMATCH`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`, `ERR_DISK_FULL`, `ERR_ABORTED`. Images before the one that
 *   failed stay
 *
 * @example
 * const [{ names }] = await loadImages(store, session, 'postgres.tar')
 */
export async function loadImages(
  store: ImageStore,
  session: Session,
  source: ArchiveSource,
  options: LoadOptions = {},
): Promise<LoadedImage[]> {
  const { signal, onProgress, env = process.env } = options
  try {
    return await store.withLock('collect', { shared: true, signal }, async () => {
      const loaded: LoadedImage[] = []
      for (const found of await findImages(store, source, { ...options, env })) {
        loaded.push(await keepImage(store, found, { session, env, signal, onProgress }))
      }
      return loaded
    })
  } catch (error) {
    // Blobs of an archive that turned out wrong.
    await store.collectGarbage({ wait: false }).catch(() => undefined)
    throw signal?.aborted ? aborted(signal) : nameInMessage(error, originOf(source))
  }
}

/** What errors call it. */
export function originOf(source: ArchiveSource): string {
  return typeof source === 'string' ? source : 'standard input or a stream'
}

async function findImages(
  store: ImageStore,
  source: ArchiveSource,
  options: LoadOptions & { env: NodeJS.ProcessEnv },
): Promise<readonly ArchivedImage[]> {
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform)
  const files = await openSource(store, source, options)
  // Newer dockers write both; the OCI documents have the digests that registries know.
  const isOci = (await files.find('index.json')) !== undefined && (await files.find('oci-layout')) !== undefined
  const isDocker = !isOci && (await files.find('manifest.json')) !== undefined
  if (!isOci && !isDocker) throw incomplete(files, 'it has neither manifest.json nor index.json with oci-layout')
  const images = isOci ? await readOciLayout(store, files, platform) : await readDockerArchive(store, files)
  if (options.reference !== undefined) return [choose(files, images, options.reference)]
  if (options.single && images.length !== 1) throw several(files, images)
  return images
}

async function openSource(
  store: ImageStore,
  source: ArchiveSource,
  { env, signal, ...options }: LoadOptions & { env: NodeJS.ProcessEnv },
): Promise<ArchiveFiles> {
  const limits = unpackLimits(env, options.limits)
  if (typeof source !== 'string') return await spoolArchive(store, source, 'the archive', limits)
  const found = await stat(source).catch((error: unknown) => {
    throw missing(source, error)
  })
  if (found.isDirectory()) return new LayoutDirectory(source)
  const stream = createReadStream(source, { highWaterMark: 256 * 1024, signal }) as AsyncIterable<Buffer>
  return await spoolArchive(store, stream, `"${source}"`, limits)
}

function choose(files: ArchiveFiles, images: readonly ArchivedImage[], reference: string): ArchivedImage {
  const full = fullName(reference)
  const found = images.find(({ names, labels }) => labels.includes(reference) || (full && names.includes(full)))
  if (found) return found
  const there = images.flatMap(({ names, labels }) => (names.length > 0 ? names : labels))
  throw new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    message: `Cannot find ${quoteBriefly(reference)} in ${files.origin}: it has ${listBriefly(there) || 'no names'}`,
    phase: 'store',
    hint: 'Name one of these, or leave the reference out',
    image: reference,
  })
}

function several(files: ArchiveFiles, images: readonly ArchivedImage[]): AirplantError {
  const there = images.flatMap(({ names, labels }) => (names.length > 0 ? names : labels))
  return new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    message: `Cannot tell which image of ${files.origin} is meant: it has ${images.length}`,
    phase: 'store',
    hint: there.length > 0 ? `Give one as reference: ${listBriefly(there)}` : 'Make it again with one image in it',
  })
}

function fullName(reference: string): string | undefined {
  try {
    return formatReference(parseReference(reference))
  } catch {
    return undefined
  }
}

function missing(path: string, cause: unknown): AirplantError {
  const { code = '' } = cause as NodeJS.ErrnoException
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    message: `Cannot read "${path}": ${code === 'ENOENT' ? 'there is no such file or directory' : code}`,
    phase: 'store',
    hint: 'Check the path; relative ones start at the working directory',
    detail: path,
    cause,
  })
}

function aborted(signal: AbortSignal): AirplantError {
  return new AirplantError({
    code: 'ERR_ABORTED',
    message: 'Cannot load the images: aborted',
    phase: 'store',
    hint: 'The signal that was passed fired; call again to load them',
    cause: signal.reason,
  })
}
