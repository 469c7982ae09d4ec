import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AirplantError } from '../errors.ts'
import { now } from '../rootless/clock.ts'
import { aboutImage } from './about-image.ts'
import type { LocalImage } from './image.ts'
import type { ImageSource } from './image-source.ts'
import type { PullOptions } from './pull-image.ts'
import { ImageStore } from './store/image-store.ts'

/** What was read from a file or directory earlier. */
interface Remembered {
  /** Facts that change when what is there does. */
  readonly facts: string
  readonly id: string
}

/**
 * The image of an archive, layout directory or root file system tar. It is read into the store once; a note of what the file was then
 * saves doing so again.
 *
 * @throws {AirplantError} `ERR_SOURCE_MISSING`, `ERR_IMAGE_NOT_FOUND` when it holds several images and none is named, and those of
 *   `loadImages` and `importImage`
 */
export async function loadSource(source: ImageSource, options: PullOptions): Promise<LocalImage> {
  const began = now()
  try {
    const store = ImageStore.of(options.session, options.env)
    const stat = await statOf(source)
    const facts = factsOf(stat)
    const path = resolve(pathOf(source))
    const key = JSON.stringify([{ ...source, path }, options.platform ?? ''])
    const note = join(store.home, 'images', `source-${hash(key)}.json`)
    const known = await readNote(note)
    const image = known?.facts === facts ? await recall(store, known.id, options) : undefined
    if (image) return image
    const loaded = await read(store, source, options, new Date(Number(stat.mtimeMs)))
    store.context.temporary.replaceFile(note, JSON.stringify({ facts, id: loaded.id } satisfies Remembered))
    return loaded
  } catch (error) {
    throw aboutImage(error, { phase: 'pull', image: pathOf(source), began, signal: options.signal })
  }
}

/** What was read earlier, unpacked now if it was for another mapping of IDs. */
async function recall(store: ImageStore, id: string, options: PullOptions): Promise<LocalImage | undefined> {
  const stored = store.lookup(id)
  if (!stored) return undefined
  const known = store.local(stored)
  if (known) return known
  const { unpackStored } = await import('./unpack-stored.ts')
  return await unpackStored(store, stored, options)
}

async function read(
  store: ImageStore,
  source: ImageSource,
  { session, env, signal, onProgress, platform }: PullOptions,
  created: Date,
): Promise<LocalImage> {
  if ('tar' in source) {
    const { importImage } = await import('./archives/import-image.ts')
    // With the file's own time whoever reads it gets the same image.
    const { image } = await importImage(store, session, source.tar, { env, signal, onProgress, platform, created })
    return image
  }
  const { loadImages } = await import('./archives/load-images.ts')
  const { reference } = source
  const options = { reference, env, signal, onProgress, platform, single: true }
  const [loaded] = await loadImages(store, session, pathOf(source), options)
  return loaded!.image
}

/** Of a layout its index counts: blobs never change. */
async function statOf(source: ImageSource): Promise<BigIntStats> {
  const path = pathOf(source)
  try {
    const found = await stat(path, { bigint: true })
    if (!found.isDirectory()) return found
    return await stat(join(path, 'index.json'), { bigint: true }).catch(() => found)
  } catch (cause) {
    throw new AirplantError({
      code: 'ERR_SOURCE_MISSING',
      phase: 'pull',
      message: `Cannot read an image from "${path}": ${isMissing(cause) ? 'there is no such file or directory' : (cause as Error).message}`,
      hint: 'Check the path, and that you may read it; relative ones start at the working directory',
      detail: path,
      cause,
    })
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

function factsOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

function pathOf(source: ImageSource): string {
  if ('oci' in source) return source.oci
  return 'archive' in source ? source.archive : source.tar
}

async function readNote(path: string): Promise<Remembered | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Remembered
  } catch {
    return undefined
  }
}

function hash(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 32)
}
