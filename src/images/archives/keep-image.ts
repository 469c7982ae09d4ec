import { AirplantError } from '../../errors.ts'
import type { Session } from '../../rootless/session.ts'
import { now } from '../../rootless/clock.ts'
import { parseImageConfig } from '../config.ts'
import { eachAtOnce, LAYERS_AT_ONCE } from '../each-at-once.ts'
import type { LocalImage } from '../image.ts'
import type { OnProgress } from '../progress.ts'
import { parseReference } from '../reference.ts'
import type { ImageStore } from '../store/image-store.ts'
import { keepManifest } from '../store/tag-image.ts'
import { unpackBlob } from '../unpack-blob.ts'
import type { ArchivedBlob, ArchivedImage } from './archived-image.ts'
import { sizeOf } from './archive-files.ts'
import { openFrom, readStart } from './read-file.ts'

/** @see keepImage */
export interface KeepOptions {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/** An image that was read into the store. */
export interface LoadedImage {
  readonly image: LocalImage
  /** Full names that it has now. */
  readonly names: readonly string[]
}

/**
 * Makes the store have an image of an archive, whole and unpacked, and only then names it. The lock `collect` is to be held.
 *
 * @throws {AirplantError} `ERR_DIGEST_MISMATCH`, `ERR_INVALID_IMAGE`, what {@link unpackBlob} and the store throw
 */
export async function keepImage(store: ImageStore, found: ArchivedImage, options: KeepOptions): Promise<LoadedImage> {
  const began = now()
  const { names, manifest, config, layers } = found
  const label = names[0] ?? config.descriptor.digest
  for (const blob of [config, ...layers]) await keepBlob(store, blob)
  await store.blobs.put(manifest.descriptor.digest, manifest.bytes)
  const { diffIds } = parseImageConfig(await readStart(store, config.file, sizeOf(config.file)))
  if (diffIds.length !== layers.length) {
    throw invalid(label, `it has ${layers.length} layers and ${diffIds.length} diff IDs`)
  }
  await eachAtOnce(layers, LAYERS_AT_ONCE, ({ descriptor }, at) =>
    unpack(store, { descriptor, diffId: diffIds[at]!, label }, options),
  )
  for (const name of names) await store.tag(parseReference(name), manifest.descriptor)
  if (names.length === 0) await keepManifest(store, manifest.descriptor)
  const image = await store.find(config.descriptor.digest)
  if (!image) throw invalid(label, 'it is not in the store right after it was loaded')
  options.onProgress?.({
    ...{ kind: 'done', reference: label, digest: manifest.descriptor.digest, id: image.id, changed: true },
    ...{ bytes: layers.reduce((sum, { file }) => sum + sizeOf(file), 0), elapsed: now() - began },
  })
  return { image, names }
}

/** What is there already is not looked at; what is not is checked on the way. */
async function keepBlob(store: ImageStore, { descriptor, file }: ArchivedBlob): Promise<void> {
  if (store.blobs.has(descriptor.digest, descriptor.size)) return
  const isOther = file.kind === 'blob' && file.digest !== descriptor.digest
  if (isOther || sizeOf(file) !== descriptor.size) {
    const found = isOther ? file.digest : `${sizeOf(file)} bytes`
    throw new AirplantError({
      code: 'ERR_DIGEST_MISMATCH',
      message: `Cannot load the image: where ${descriptor.digest} (${descriptor.size} bytes) should be is ${found}`,
      phase: 'store',
      hint: 'The archive was damaged or changed: make it again',
    })
  }
  await store.blobs.write(descriptor, (offset) => openFrom(store, file, offset))
}

async function unpack(
  store: ImageStore,
  { descriptor, diffId, label }: { descriptor: ArchivedBlob['descriptor']; diffId: string; label: string },
  { session, env, signal, onProgress }: KeepOptions,
): Promise<void> {
  const { digest, size: total } = descriptor
  const report = (state: 'unpacking' | 'done' | 'exists', done: number): void =>
    onProgress?.({ kind: 'layer', reference: label, digest, state, done, total })
  if (store.layers.find(diffId)) {
    report('exists', total)
    return
  }
  await unpackBlob(store, descriptor, diffId, { session, env, signal, onBytes: (done) => report('unpacking', done) })
  report('done', total)
}

function invalid(label: string, problem: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_IMAGE',
    message: `Cannot load "${label}": ${problem}`,
    phase: 'store',
    hint: 'Make the archive again',
    image: label,
  })
}
