import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { AirplantError } from '../../errors.ts'
import type { Session } from '../../rootless/session.ts'
import type { Descriptor } from '../descriptor.ts'
import { detectCompression, MAGIC_BYTES } from '../layers/compression.ts'
import { unpackLimits, type UnpackLimits } from '../layers/unpack-limits.ts'
import { unpackedStream } from '../layers/unpacked-stream.ts'
import { hostPlatform, parsePlatform } from '../platform.ts'
import type { OnProgress } from '../progress.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { ImageStore } from '../store/image-store.ts'
import { TarReader } from '../tar/tar-reader.ts'
import { applyChanges } from './apply-changes.ts'
import { makeManifest, memoryBlob } from './docker-archive.ts'
import { keepImage, type LoadedImage } from './keep-image.ts'
import { originOf, type ArchiveSource } from './load-images.ts'
import { nameInMessage } from '../name-in-message.ts'
import { readStart } from './read-file.ts'
import { mediaTypes, ociLayerTypes } from '../media-types.ts'

/** How a root file system becomes an image. */
export interface ImportOptions {
  /** The image's name. @default none */
  readonly reference?: string | undefined
  /** Instructions for its configuration, `'CMD ["/bin/sh"]'`. @see applyChanges */
  readonly changes?: readonly string[] | undefined
  /** What its history says. */
  readonly message?: string | undefined
  /** `'linux/arm64'`. @default this machine's */
  readonly platform?: string | undefined
  /** When it was made. @default now. A fixed time gives equal archives equal IDs */
  readonly created?: Date | undefined
  readonly limits?: Partial<UnpackLimits> | undefined
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Makes an image of one layer of a tar archive of a root file system, as `docker export` writes it; it may be compressed by gzip or Zstandard.
 *
 * @throws {AirplantError} `ERR_SOURCE_MISSING`, `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`, `ERR_INVALID_OPTION` (changes),
 *   `ERR_INVALID_REFERENCE`, `ERR_DISK_FULL`, `ERR_ABORTED`
 *
 * @example
 * const { image } = await importImage(store, session, 'rootfs.tar', { reference: 'base', changes: ['CMD ["/bin/sh"]'] })
 */
export async function importImage(
  store: ImageStore,
  session: Session,
  source: ArchiveSource,
  options: ImportOptions = {},
): Promise<LoadedImage> {
  const { reference, signal, onProgress, env = process.env } = options
  const names = reference === undefined ? [] : [formatReference(parseReference(reference))]
  const config = applyChanges({}, options.changes ?? [])
  const limits = unpackLimits(env, options.limits)
  try {
    return await store.withLock('collect', { shared: true, signal }, async () => {
      const layer = await keepLayer(store, source, limits, signal)
      const document = memoryBlob(configuration(layer.diffId, config, options), mediaTypes.ociConfig)
      const { descriptor } = layer
      const file = { kind: 'blob', digest: descriptor.digest, size: descriptor.size } as const
      const manifest = makeManifest(document.descriptor, [descriptor])
      const image = { names, labels: [], manifest, config: document, layers: [{ descriptor, file }] }
      return await keepImage(store, image, { session, env, signal, onProgress })
    })
  } catch (error) {
    await store.collectGarbage({ wait: false }).catch(() => undefined)
    throw nameInMessage(error, originOf(source))
  }
}

async function keepLayer(
  store: ImageStore,
  source: ArchiveSource,
  limits: UnpackLimits,
  signal: AbortSignal | undefined,
): Promise<{ descriptor: Descriptor; diffId: string }> {
  const bytes = typeof source === 'string' ? fileBytes(source, signal) : source
  const { digest, size } = await store.blobs.add(bytes)
  const compression = detectCompression(await readStart(store, { kind: 'blob', digest, size }, MAGIC_BYTES))
  const hash = createHash('sha256')
  const reader = new TarReader({ headerBytes: limits.headerBytes })
  const blob = createReadStream(store.blobs.path(digest), { highWaterMark: 256 * 1024, signal })
  for await (const chunk of unpackedStream(blob as AsyncIterable<Buffer>, { limits })) {
    hash.update(chunk)
    // Whether it is whole is seen only here: nobody promised its digest.
    for (const _ of reader.write(chunk));
  }
  reader.end()
  return { descriptor: { mediaType: ociLayerTypes[compression], digest, size }, diffId: `sha256:${hash.digest('hex')}` }
}

async function* fileBytes(path: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024, signal }) as AsyncIterable<Buffer>
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'EISDIR') throw cause
    throw new AirplantError({
      code: 'ERR_SOURCE_MISSING',
      message: `Cannot read "${path}": ${message}`,
      phase: 'store',
      hint: 'Name a tar file that you may read',
      detail: path,
      cause,
    })
  }
}

function configuration(diffId: string, config: object, options: ImportOptions): Buffer {
  const created = (options.created ?? new Date()).toISOString()
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform)
  const document = {
    created,
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: 'airplant import', ...(options.message && { comment: options.message }) }],
  }
  return Buffer.from(JSON.stringify(document))
}
