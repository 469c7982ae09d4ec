import { lstat, readFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { AirplantError } from '../errors.ts'
import { invalidOption, parseMode, parseOwner, parseTarget } from './option-parsers.ts'
import type { FileOption } from './options.ts'
import type { FileSpec } from './spec.ts'

// A plan travels in one frame of at most 16 MiB; what is larger is copied by the keeper from the file itself.
const INLINE_MAX = 64 * 1024
const CONTENT_MAX = 8 * 1024 ** 2

/** The files to place, directories and globs expanded. */
export async function placedFiles(options: readonly FileOption[], cwd: string): Promise<FileSpec[]> {
  const files = await Promise.all(options.map((option) => placedFile(option, cwd)))
  return files.flat()
}

async function placedFile(option: FileOption, cwd: string): Promise<FileSpec[]> {
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
      throw invalidOption(
        'content of a file',
        target,
        'larger than 8 MiB',
        'Write it to a file and give that as source',
      )
    }
    return [{ target, from: { content: bytes }, mode: mode ?? 0o644, uid, gid }]
  }
  const found = await findSources(resolve(cwd, source ?? ''))
  return await Promise.all(
    found.map(async ({ path, name, size, mode: own }) => ({
      target: name === undefined ? target : join(target, name),
      from: size <= INLINE_MAX ? { content: await readFile(path) } : { path },
      mode: mode ?? own,
      uid,
      gid,
    })),
  )
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
