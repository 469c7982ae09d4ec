import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { lstat, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AirplantError } from '../errors.ts'
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
 * @throws {AirplantError} `ERR_SOURCE_MISSING`, and those of `loadImages` and `importImage`
 */
export async function loadSource(source: ImageSource, options: PullOptions): Promise<LocalImage> {
  const { session, env } = options
  const store = ImageStore.of(session, env)
  const facts = await factsOf(source)
  const note = join(store.home, 'images', `source-${hash(JSON.stringify([source, options.platform ?? '']))}.json`)
  const known = await readNote(note)
  const image = known?.facts === facts ? await store.find(known.id) : undefined
  if (image) return image
  const id = await read(store, source, options)
  store.context.temporary.replaceFile(note, JSON.stringify({ facts, id } satisfies Remembered))
  const loaded = await store.find(id)
  if (loaded) return loaded
  throw new AirplantError({
    code: 'ERR_STORE',
    phase: 'pull',
    message: `Cannot find what was loaded from "${pathOf(source)}" in the store`,
    hint: 'Another process may have removed it; try again',
  })
}

async function read(store: ImageStore, source: ImageSource, options: PullOptions): Promise<string> {
  const { session, env, signal, onProgress, platform } = options
  if ('tar' in source) {
    const { importImage } = await import('./archives/import-image.ts')
    return (await importImage(store, session, source.tar, { env, signal, platform })).image.id
  }
  const { loadImages } = await import('./archives/load-images.ts')
  const { reference } = source
  const loaded = await loadImages(store, session, pathOf(source), { reference, env, signal, onProgress, platform })
  if (loaded.length === 1) return loaded[0]!.image.id
  throw new AirplantError({
    code: 'ERR_IMAGE_NOT_FOUND',
    phase: 'pull',
    message: `Cannot tell which image of "${pathOf(source)}" is meant: it has ${loaded.length}`,
    hint: `Give one as reference: ${loaded.flatMap(({ names }) => names).join(', ')}`,
    image: pathOf(source),
  })
}

/** Of a layout its index counts: blobs never change. */
async function factsOf(source: ImageSource): Promise<string> {
  const path = 'oci' in source ? join(source.oci, 'index.json') : pathOf(source)
  try {
    return text(await stat(path, { bigint: true }))
  } catch (cause) {
    // A layout may also be given as an archive would be, and the other way round.
    const other = await lstat(pathOf(source), { bigint: true }).catch(() => undefined)
    if (other) return text(other)
    throw new AirplantError({
      code: 'ERR_SOURCE_MISSING',
      phase: 'pull',
      message: `Cannot read an image from "${pathOf(source)}": no such file or directory`,
      hint: 'Check the path; relative ones start at the working directory',
      detail: pathOf(source),
      cause,
    })
  }
}

function text({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
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
