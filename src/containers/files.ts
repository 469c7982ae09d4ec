import { lstat, readFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { AirplantError } from '../errors.ts'
import { checkOptions } from '../rootless/check-options.ts'
import { fileShape } from './option-shapes.ts'
import { invalidOption, parseMode, parseOwner, parseTarget } from './option-parsers.ts'
import type { FileOption } from './options.ts'
import type { FileSpec } from './spec.ts'

// A plan travels in one frame of at most 16 MiB, and has 512 slots; what is larger than this, or comes when the frame is half full, is
// copied by the keeper from the file itself.
const INLINE_MAX = 64 * 1024
const INLINE_TOTAL = 8 * 1024 ** 2
const CONTENT_MAX = 8 * 1024 ** 2
const CONTENT_TOTAL = 15 * 1024 ** 2
const MOST_COPIED = 400

/** The files to place, directories and globs expanded. */
export async function placedFiles(options: readonly FileOption[], cwd: string): Promise<FileSpec[]> {
  const files = await Promise.all(options.map((option) => placedFile(option, cwd)))
  return await withinFrame(files.flat())
}

/** A file before it is decided how its bytes travel. */
type FoundFile = FileSpec & { readonly size: number }

async function placedFile(option: FileOption, cwd: string): Promise<FoundFile[]> {
  checkOptions('a file', option, fileShape)
  const { content, source } = option
  const target = parseTarget('target of a file', option.target)
  const mode = option.mode === undefined ? undefined : parseMode('mode of a file', option.mode)
  const { uid, gid } = parseOwner(option.owner ?? 0)
  if ((content === undefined) === (source === undefined)) {
    throw invalidOption('files', target, 'it has neither or both of content and source', 'Give exactly one of them')
  }
  if (content !== undefined) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    if (bytes.length > CONTENT_MAX) {
      const hint = 'Write it to a file and give that as source'
      throw invalidOption('content of a file', target, 'larger than 8 MiB', hint)
    }
    return [{ target, from: { content: bytes }, size: bytes.length, mode: mode ?? 0o644, uid, gid }]
  }
  const found = await findSources(resolve(cwd, source ?? ''))
  return found.map(({ path, name, size, mode: own }) => ({
    target: name === undefined ? target : join(target, name),
    from: { path },
    ...{ size, mode: mode ?? own, uid, gid },
  }))
}

async function withinFrame(found: readonly FoundFile[]): Promise<FileSpec[]> {
  const given = found.reduce((sum, { from, size }) => sum + ('content' in from ? size : 0), 0)
  if (given > CONTENT_TOTAL) {
    throw invalidOption('files', `${given} bytes`, 'their contents are too large together', 'Give sources instead')
  }
  let room = INLINE_TOTAL - given
  let copied = 0
  const files = found.map(async ({ size, ...file }): Promise<FileSpec> => {
    const { from } = file
    if ('content' in from) return file
    room -= size <= INLINE_MAX ? size : 0
    if (size <= INLINE_MAX && room >= 0) return { ...file, from: { content: await readSource(from.path) } }
    if (++copied <= MOST_COPIED) return file
    const hint = 'Bind their directory instead, or place an archive'
    throw invalidOption('files', from.path, 'too many and too large together', hint)
  })
  return await Promise.all(files)
}

async function readSource(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException)
  }
}

function unreadable(path: string, { code }: NodeJS.ErrnoException): AirplantError {
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'create',
    message: `Cannot place "${path}": ${code}`,
    hint: 'Check that you may read it',
    detail: path,
    errno: code,
  })
}

interface Source {
  path: string
  /** Relative to the target, undefined when the target is the file itself. */
  name: string | undefined
  size: number
  mode: number
}

async function findSources(path: string): Promise<Source[]> {
  const stat = await lstat(path).catch(() => undefined)
  if (stat?.isFile()) return [{ path, name: undefined, size: stat.size, mode: stat.mode & 0o777 }]
  // Only here is a directory walked or a pattern matched; most containers place single files.
  const { default: glob } = await import('fast-glob')
  const isDirectory = stat?.isDirectory() ?? false
  const pattern = isDirectory ? `${glob.escapePath(path)}/**` : path
  const entries = await glob(pattern, { dot: true, followSymbolicLinks: false, stats: true, onlyFiles: true })
  const files = entries.filter((entry) => entry.stats?.isFile())
  if (files.length === 0 && !isDirectory) throw missingSource(path)
  return files
    .map((entry) => ({
      path: entry.path,
      name: isDirectory ? relative(path, entry.path) : basename(entry.path),
      size: entry.stats?.size ?? 0,
      mode: (entry.stats?.mode ?? 0o644) & 0o777,
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function missingSource(path: string): AirplantError {
  return new AirplantError({
    code: 'ERR_SOURCE_MISSING',
    phase: 'create',
    message: `Cannot place "${path}": no such file, directory or match`,
    hint: 'Check the path; relative ones start at the working directory',
    detail: path,
  })
}
