import { mkdir } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { AirplantError } from '../../errors.ts'
import type { FileChannel, FileItem } from '../../rootless/files/file-channel.ts'
import type { FileKind } from '../../rootless/files/file-entry.ts'
import type { ContainerFiles } from './container-files.ts'
import { openFiles } from './container-files.ts'
import { relative } from './copy-in.ts'
import { HostWriter } from './host-writer.ts'
import { atPlace } from './host-writer-error.ts'

/** Most bytes that {@link readFile} holds in memory, unless told otherwise. */
const READ_LIMIT = 64 * 1024 ** 2

// As the kernel: path_resolution(7).
const MOST_LINKS = 40

/**
 * Copies a file or directory out of a container, running or stopped, to a path of the host: `destination` is the copy itself, and made with
 * its parents. Everything then belongs to the caller. A link is copied as a link, and never followed on the way. Files and links that are
 * there are replaced, directories are merged, and neither takes the place of the other.
 *
 * @throws {AirplantError} `ERR_PATH_MISSING`, `ERR_NOT_RUNNING`, `ERR_FILE_FAILED`, `ERR_DISK_FULL`
 */
export async function copyOut(files: ContainerFiles, path: string, destination: string, cwd: string): Promise<void> {
  const to = resolve(cwd, destination)
  await using source = await openFiles(files)
  await checkThere(files, source.channel, path)
  await mkdir(dirname(to), { recursive: true }).catch((error: unknown) => {
    throw atPlace(error, dirname(to))
  })
  using writer = new HostWriter(to)
  for await (const item of readOnce(source.channel, path)) {
    if (item.entry.path === '') checkKind(files, path, item.entry.kind)
    await writer.write(item)
  }
  writer.finish()
}

function checkKind(files: ContainerFiles, path: string, kind: FileKind): void {
  if (kind === 'file' || kind === 'directory' || kind === 'symlink') return
  throw notReadable(files, path, `it is a ${kind}`, 'Name a file, a directory or a link')
}

/** Of the whole root what is mounted in it is left out: nobody wants a copy of /proc. */
function readOnce(channel: FileChannel, path: string): AsyncGenerator<FileItem> {
  const place = relative(path)
  return channel.read(place, { raw: false, oneFileSystem: place === '', closing: true })
}

/** As its owner's where a single ID stands for that. */
async function* owned(items: AsyncIterable<FileItem>, owner: ContainerFiles['owner']): AsyncGenerator<FileItem> {
  for await (const { entry, data } of items) yield { entry: { ...entry, ...owner }, data }
}

async function* renamed(items: AsyncIterable<FileItem>, name: string): AsyncGenerator<FileItem> {
  const place = (path: string): string => (path === '' ? name : `${name}/${path}`)
  for await (const { entry, data } of items) {
    const link = entry.kind === 'hardlink' ? place(entry.link) : entry.link
    yield { entry: { ...entry, path: place(entry.path), link }, data }
  }
}

/**
 * Bytes of one file; links are followed inside the container.
 *
 * @param options.limit most bytes. Default 64 MiB
 * @throws {AirplantError} `ERR_PATH_MISSING`, `ERR_FILE_FAILED` (no regular file, or too large), `ERR_NOT_RUNNING`
 */
export async function readFile(
  files: ContainerFiles,
  path: string,
  { limit = READ_LIMIT }: { limit?: number } = {},
): Promise<Buffer> {
  await using source = await openFiles(files)
  let place = relative(path)
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = await readOne(files, source.channel, place, limit)
    if (typeof found !== 'string') return found
    // Not shortened as a text: ".." after a link is where the kernel says.
    place = found.startsWith('/') ? found.slice(1) : place.slice(0, place.lastIndexOf('/') + 1) + found
  }
  throw notReadable(files, path, 'links lead in a circle', 'Name the file itself')
}

/** The bytes of a file, or what a link says. */
async function readOne(
  files: ContainerFiles,
  channel: FileChannel,
  path: string,
  limit: number,
): Promise<Buffer | string> {
  const refuse = (problem: string, hint: string): AirplantError => {
    // Or all of it would be read, only to be thrown away.
    channel.close()
    return notReadable(files, path, problem, hint)
  }
  for await (const { entry, data } of channel.read(path, { raw: false })) {
    if (entry.kind === 'symlink') return entry.link
    if (entry.kind !== 'file') throw refuse(`it is a ${entry.kind}`, 'Name a regular file')
    if (entry.size > limit) throw refuse(`it has ${entry.size} bytes`, 'Copy it out, or raise limit')
    const chunks: Buffer[] = []
    for await (const chunk of data) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  throw notReadable(files, path, 'it vanished', 'Try again')
}

/** A tar archive of a file or directory, whose names begin with the last one of the path; `/` gives the whole root. */
export async function tarOut(files: ContainerFiles, path: string): Promise<Readable> {
  const { packLayer } = await import('../../images/layers/pack-layer.ts')
  const source = await openFiles(files)
  try {
    await checkThere(files, source.channel, path)
  } catch (error) {
    await source[Symbol.asyncDispose]()
    throw error
  }
  const name = basename(relative(path))
  const found = owned(readOnce(source.channel, path), files.owner)
  const tar = packLayer(name === '' ? found : renamed(found, name), { compression: 'none' })
  tar.stream.once('close', () => void source[Symbol.asyncDispose]())
  return tar.stream
}

async function checkThere(files: ContainerFiles, channel: FileChannel, path: string): Promise<void> {
  if (await channel.stat(relative(path), { follow: false })) return
  throw new AirplantError({
    code: 'ERR_PATH_MISSING',
    phase: 'copy',
    message: `Cannot copy "${path}" out of container ${files.id}: it does not exist there`,
    hint: 'Check the path',
    container: files.id,
    image: files.image,
    detail: path,
  })
}

function notReadable(files: ContainerFiles, path: string, problem: string, hint: string): AirplantError {
  return new AirplantError({
    code: 'ERR_FILE_FAILED',
    phase: 'copy',
    message: `Cannot read "${path}" of container ${files.id}: ${problem}`,
    hint,
    container: files.id,
    image: files.image,
    detail: path,
  })
}
