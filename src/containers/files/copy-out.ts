import { randomBytes } from 'node:crypto'
import { cp, mkdir } from 'node:fs/promises'
import { basename, dirname, join, posix, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { AirplantError } from '../../errors.ts'
import type { FileChannel, FileItem } from '../../rootless/files/file-channel.ts'
import { removeByKeeper } from '../../rootless/host-files.ts'
import { Plan } from '../../rootless/protocol/plan.ts'
import type { Session } from '../../rootless/session.ts'
import { applyItems } from './apply-items.ts'
import type { ContainerFiles } from './container-files.ts'
import { openDirectory, openFiles } from './container-files.ts'
import { relative } from './copy-in.ts'

/** Most bytes that {@link readFile} holds in memory, unless told otherwise. */
const READ_LIMIT = 64 * 1024 ** 2

// As the kernel: path_resolution(7).
const MOST_LINKS = 40

/**
 * Copies a file or directory out of a container, running or stopped, to a path of the host: `destination` is the copy itself, and made with
 * its parents. Everything then belongs to the caller. A link is copied as a link, and never followed on the way.
 *
 * @throws {AirplantError} `ERR_PATH_MISSING`, `ERR_NOT_RUNNING`, `ERR_FILE_FAILED`, `ERR_DISK_FULL`
 */
export async function copyOut(files: ContainerFiles, path: string, destination: string, cwd: string): Promise<void> {
  const to = resolve(cwd, destination)
  await using source = await openFiles(files)
  await checkThere(files, source.channel, path)
  await mkdir(dirname(to), { recursive: true })
  // Real root's keeper is another user, who could not write there.
  const isRealRoot = files.session.broker !== undefined || process.geteuid?.() === 0
  await (isRealRoot ? copyByNode : write)(files.session, source.channel, path, to)
}

async function write(session: Session, from: FileChannel, path: string, to: string): Promise<void> {
  await using target = await openDirectory(session, dirname(to))
  const items = renamed(from.read(relative(path), { raw: false }), basename(to))
  await applyItems(target.channel, unprivileged(items), { flattenOwners: true })
}

async function copyByNode(session: Session, from: FileChannel, path: string, to: string): Promise<void> {
  const staging = join(session.directory, `copy-${randomBytes(6).toString('hex')}`)
  await session.client.spawn({ kind: 'helper', plan: new Plan().hostMkdir(staging, 0o700) })
  try {
    await write(session, from, path, join(staging, 'it'))
    await cp(join(staging, 'it'), to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  } finally {
    await removeByKeeper(session, staging)
  }
}

async function* renamed(items: AsyncIterable<FileItem>, name: string): AsyncGenerator<FileItem> {
  const place = (path: string): string => (path === '' ? name : `${name}/${path}`)
  for await (const { entry, data } of items) {
    const link = entry.kind === 'hardlink' ? place(entry.link) : entry.link
    yield { entry: { ...entry, path: place(entry.path), link }, data }
  }
}

// A program that ran as root of the container must not run as the caller, who owns the copy, for everybody else on the host.
async function* unprivileged(items: AsyncIterable<FileItem>): AsyncGenerator<FileItem> {
  for await (const { entry, data } of items) {
    yield { entry: { ...entry, mode: entry.mode & 0o1777 }, data }
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
  let place = path
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = await readOne(files, source.channel, place, limit)
    if (typeof found !== 'string') return found
    place = posix.resolve('/', posix.dirname(place), found)
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
  for await (const { entry, data } of channel.read(relative(path), { raw: false })) {
    if (entry.kind === 'symlink') return entry.link
    if (entry.kind !== 'file') throw notReadable(files, path, `it is a ${entry.kind}`, 'Name a regular file')
    if (entry.size > limit) throw notReadable(files, path, `it has ${entry.size} bytes`, 'Copy it out, or raise limit')
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
  const found = source.channel.read(relative(path), { raw: false, oneFileSystem: name === '' })
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
