import type { Stats } from 'node:fs'
import { lstat, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, posix, resolve } from 'node:path'
import type { AttachedContainer } from '../containers/attached-container.ts'
import { AirplantError } from '../errors.ts'
import type { Command } from './command.ts'
import { withContainerOf } from './container-session.ts'
import { usageError } from './usage-error.ts'
import { checkOutput, writeArchive } from './write-archive.ts'

/** A side of a copy. */
interface Place {
  /** Undefined: this machine. */
  readonly container: string | undefined
  readonly path: string
}

/** `airplant cp`, with docker's rules for what the copy is called. */
export const cpCommand: Command = {
  name: 'cp',
  usage: 'CONTAINER:PATH PATH|-   or   PATH|- CONTAINER:PATH',
  about: `Copies files and directories into a running container or out of it; "-" is a tar archive on stdin or stdout. A directory that is there
gets the copy into it; with "/." after the source its content. What is copied in is the container's root's, what is copied out yours.`,
  flags: [
    { name: 'archive', short: 'a', help: 'What is copied in keeps the numeric owner of the source' },
    { name: 'quiet', short: 'q', help: 'Accepted: nothing is printed' },
    {
      name: 'follow-link',
      short: 'L',
      refused: { why: 'a link is copied as a link', instead: 'Name the file that it leads to' },
    },
  ],
  words: [2, 2],
  examples: ['airplant cp ./seed.sql db:/docker-entrypoint-initdb.d/', 'airplant cp db:/var/log/. ./logs'],
  async run(line) {
    const [from, to] = line.words.map(readPlace) as [Place, Place]
    if ((from.container === undefined) === (to.container === undefined)) {
      throw usageError(
        'Cannot copy: one side has to be a container, the other this machine',
        'Write airplant cp CONTAINER:PATH PATH, or airplant cp PATH CONTAINER:PATH',
      )
    }
    await withContainerOf(from.container ?? to.container ?? '', async (container) => {
      if (from.container !== undefined) await copyOut(container, from.path, to.path)
      else await copyIn(container, from.path, to.path, line.isOn('archive'))
    })
    return 0
  },
}

/** `./a:b` and `/a:b` are paths, as for docker. */
function readPlace(word: string): Place {
  const colon = word.indexOf(':')
  if (colon <= 0 || /^[./]/.test(word)) return { container: undefined, path: word }
  return { container: word.slice(0, colon), path: posix.resolve('/', word.slice(colon + 1)) + trailing(word) }
}

function trailing(word: string): string {
  return /\/\.$/.test(word) ? '/.' : word.endsWith('/') && word !== '/' ? '/' : ''
}

async function copyIn(container: AttachedContainer, source: string, target: string, archive: boolean): Promise<void> {
  if (source === '-') {
    await container.copyIn({ tar: process.stdin, target })
    return
  }
  const { path, facts } = await sourceOf(source)
  const isThere = await container.isDirectory(target)
  if (!facts.isDirectory() && target.endsWith('/') && !isThere) throw noDirectory(target, target)
  if (facts.isDirectory() && isThere === false) throw noFile(source, target)
  const insideIt = isThere && !isContent(source)
  await container.copyIn({
    source: path,
    target: insideIt ? posix.join(target, basename(path)) : target,
    ...(archive && { owner: `${facts.uid}:${facts.gid}` }),
  })
}

/** A link is copied itself, unless what is behind it is asked for. */
async function sourceOf(source: string): Promise<{ path: string; facts: Stats }> {
  try {
    const path = /\/\.?$/.test(source) ? await realpath(source) : resolve(source)
    return { path, facts: await lstat(path) }
  } catch (cause) {
    throw new AirplantError({
      code: 'ERR_SOURCE_MISSING',
      phase: 'copy',
      message: `Cannot copy "${source}": ${reasonOf(cause as NodeJS.ErrnoException)}`,
      hint: 'Check the path, and that you may read it',
      detail: source,
      cause,
    })
  }
}

function reasonOf({ code }: NodeJS.ErrnoException): string {
  return code === 'ENOENT' ? 'there is no such file or directory' : (code ?? 'it cannot be read')
}

/** Whether a source means the content of a directory, not the directory. */
function isContent(source: string): boolean {
  return /(^|\/)\.$/.test(source)
}

async function copyOut(container: AttachedContainer, source: string, target: string): Promise<void> {
  if (target === '-') {
    await writeOut(container, source)
    return
  }
  const to = resolve(target)
  const isThere = await isDirectory(to)
  if (!isThere && !(await isDirectory(dirname(to)))) throw noDirectory(target, dirname(to))
  const isTree = isThere ? undefined : await container.isDirectory(source)
  if (!isThere && target.endsWith('/') && !isTree) throw noDirectory(target, to)
  if (isTree && (await lstat(to).catch(() => undefined))) throw noFile(source, target)
  const insideIt = isThere && !isContent(source)
  await container.copyOut(source, insideIt ? join(to, posix.basename(source)) : to)
}

function noDirectory(target: string, path: string): AirplantError {
  return new AirplantError({
    code: 'ERR_PATH_MISSING',
    phase: 'copy',
    message: `Cannot copy to "${target}": there is no directory "${path}"`,
    hint: 'Make it first, or name the copy without a "/" at the end',
    detail: path,
  })
}

function noFile(source: string, target: string): AirplantError {
  return new AirplantError({
    code: 'ERR_FILE_FAILED',
    phase: 'copy',
    message: `Cannot copy "${source}" to "${target}": it is a directory, and there is a file of that name`,
    hint: 'Remove the file first, or choose another name for the copy',
    detail: target,
  })
}

async function writeOut(container: AttachedContainer, source: string): Promise<void> {
  checkOutput(undefined)
  await writeArchive(await container.copyOut(source), undefined)
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
