import { basename, dirname, join, resolve } from 'node:path'
import { lstat } from 'node:fs/promises'
import { AirplantError } from '../../errors.ts'
import type { FileItem } from '../../rootless/files/file-channel.ts'
import { checkOptions } from '../../rootless/check-options.ts'
import { copyInShape } from '../option-shapes.ts'
import { invalidOption, parseMode, parseOwner, parseTarget } from '../option-parsers.ts'
import type { CopyInOption } from '../options.ts'
import { applyItems } from './apply-items.ts'
import type { ContainerFiles } from './container-files.ts'
import { changeFiles } from './container-files.ts'
import type { CopyOwner } from './host-items.ts'
import { hostItems, item } from './host-items.ts'

/**
 * Copies files, directories, content or tar archives into a container, running or stopped. Nothing lands outside its root, whatever
 * links it has; what was copied before an error stays. A directory that is there keeps its owner and mode, and is never replaced by
 * something else, nor something else by a directory.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_SOURCE_MISSING`, `ERR_NOT_RUNNING`, `ERR_FILE_FAILED`, `ERR_DISK_FULL`,
 *   `ERR_UNMAPPED_OWNER`, and of a tar `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`
 */
export async function copyIn(
  files: ContainerFiles,
  options: CopyInOption | readonly CopyInOption[],
  cwd: string,
): Promise<void> {
  const list = (Array.isArray(options) ? options : [options]) as readonly CopyInOption[]
  const flattenOwners = files.session.mapping.method === 'single'
  // All is looked at before anything is changed.
  const copies: AsyncIterable<FileItem>[] = []
  for (const option of list) copies.push(await itemsOf(option, cwd))
  await changeFiles(files, async (channel) => {
    for (const items of copies)
      await applyItems(channel, items, { flattenOwners, keepKinds: true, keepDirectories: true })
  })
}

async function itemsOf(option: CopyInOption, cwd: string): Promise<AsyncIterable<FileItem>> {
  checkOptions('a copy', option, copyInShape)
  const { content, source, tar } = option
  const target = parseTarget('target of a copy', option.target)
  const mode = option.mode === undefined ? undefined : parseMode('mode of a copy', option.mode)
  const owner = { ...parseOwner(option.owner ?? 0), mode }
  if ([content, source, tar].filter((each) => each !== undefined).length !== 1) {
    throw invalidOption('copyIn', target, 'not one of content, source and tar', 'Give exactly one of them')
  }
  const place = relative(target)
  if (content !== undefined) return contentItem(place, content, owner)
  if (tar !== undefined) return tarItems(place, tar)
  return await sourceItems(source ?? '', place, owner, cwd)
}

async function* contentItem(path: string, content: string | Uint8Array, owner: CopyOwner): AsyncGenerator<FileItem> {
  const bytes = Buffer.from(content as Uint8Array)
  const seconds = Date.now() / 1000
  const { entry } = item({
    ...{ kind: 'file', path, uid: owner.uid, gid: owner.gid, mode: owner.mode ?? 0o644, size: 0 },
    ...{ mtime: Math.floor(seconds), mtimeNs: 0, link: '', device: 0, xattrs: new Map() },
  })
  yield { entry: { ...entry, size: bytes.length }, data: once(bytes) }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield bytes
}

/** Entries of an archive keep their owners and modes, as with `docker cp -`. */
async function* tarItems(place: string, tar: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<FileItem> {
  const { tarItems: read } = await import('../../images/layers/tar-items.ts')
  const chunks = tar instanceof Uint8Array ? once(Buffer.from(tar)) : tar
  for await (const { entry, data } of read(chunks)) {
    const link = entry.kind === 'hardlink' ? inside(place, entry.link) : entry.link
    yield { entry: { ...entry, path: inside(place, entry.path), link }, data }
  }
}

function inside(place: string, path: string): string {
  return path === '' || place === '' ? place || path : `${place}/${path}`
}

async function sourceItems(
  source: string,
  target: string,
  owner: CopyOwner,
  cwd: string,
): Promise<AsyncIterable<FileItem>> {
  const path = resolve(cwd, source)
  const stat = await lstat(path).catch(() => undefined)
  if (stat) return hostItems(path, target, owner)
  const { default: glob } = await import('fast-glob')
  // The pattern alone is one: the working directory may have brackets in its name.
  const found = await glob(source, { cwd, absolute: true, dot: true, followSymbolicLinks: false, onlyFiles: false })
  if (found.length === 0) throw missingSource(path)
  return allOf(withoutNested(found.sort()), target, owner)
}

/** What lies below a directory that was found too is copied with it. */
function withoutNested(sorted: readonly string[]): string[] {
  const found = new Set(sorted)
  const isBelow = (path: string): boolean => {
    for (let at = dirname(path); at !== dirname(at); at = dirname(at)) if (found.has(at)) return true
    return false
  }
  return sorted.filter((path) => !isBelow(path))
}

async function* allOf(paths: readonly string[], target: string, owner: CopyOwner): AsyncGenerator<FileItem> {
  for (const path of paths) yield* hostItems(path, join(target, basename(path)), owner)
}

/** How file workers name what is below `/`. */
export function relative(target: string): string {
  return resolve('/', target).slice(1)
}

function missingSource(path: string): AirplantError {
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'copy',
    message: `Cannot copy "${path}": no such file, directory or match`,
    hint: 'Check the path; relative ones start at the working directory',
    detail: path,
  })
}
