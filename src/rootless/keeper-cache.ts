import { execFile } from 'node:child_process'
import {
  accessSync,
  constants,
  copyFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KEEPER_FLAGS, KEEPER_NAME } from './keeper-sources.ts'

const run = promisify(execFile)

/** The user's cache of airplant, `${XDG_CACHE_HOME:-~/.cache}/airplant`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(env.HOME ?? homedir(), '.cache')
  return join(base, 'airplant')
}

/** Whether the file may be executed, also by its mount: access(2) answers EACCES for a file on a noexec mount. */
export function canExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The program in the cache under that key, if it is there and only its owner (us or root) can have written it. */
export function findCached(cache: string, key: string): string | undefined {
  const directory = join(cache, `keeper-${key}`)
  const program = join(directory, KEEPER_NAME)
  return [cache, directory, program].every(isOurs) && canExecute(program) ? program : undefined
}

/** Copies a program into the cache: for packages on noexec mounts, or unpacked without the executable bit. */
export function copyToCache(cache: string, key: string, source: string): string {
  return publish(cache, key, (target) => copyFileSync(source, target))
}

/** Compiles the keeper into the cache. `compiler` may carry flags of its own, as `$CC` does. */
export async function compileToCache(
  cache: string,
  key: string,
  compiler: string,
  units: readonly string[],
): Promise<string> {
  const directory = temporaryDirectory(cache, key)
  try {
    const [program = 'cc', ...flags] = compiler.trim().split(/\s+/)
    const target = join(directory, KEEPER_NAME)
    const compile = (link: string[]): Promise<unknown> =>
      run(program, [...flags, ...KEEPER_FLAGS, ...link, '-o', target, ...units], { timeout: 120_000 })
    // Static where the C library allows it: a container's init runs from it, inside a root that may have no libc.
    await compile(['-static']).catch(() => compile([]))
    return moveInPlace(cache, key, directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function publish(cache: string, key: string, write: (target: string) => void): string {
  const directory = temporaryDirectory(cache, key)
  try {
    write(join(directory, KEEPER_NAME))
    chmodSync(join(directory, KEEPER_NAME), 0o755)
    return moveInPlace(cache, key, directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function temporaryDirectory(cache: string, key: string): string {
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  // Throws when it belongs to someone else (XDG_CACHE_HOME=/tmp), whose programs are not to be executed.
  if (!isOurs(cache)) chmodSync(cache, 0o700)
  return mkdtempSync(join(cache, `.keeper-${key}-`))
}

// Of several processes that compile at once one wins the rename; the others find a directory that is not empty and use it.
function moveInPlace(cache: string, key: string, directory: string): string {
  const target = join(cache, `keeper-${key}`)
  try {
    renameSync(directory, target)
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    if (findCached(cache, key) === undefined) {
      rmSync(target, { recursive: true, force: true })
      renameSync(directory, target)
    }
  }
  return join(target, KEEPER_NAME)
}

function isOurs(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat || stat.isSymbolicLink()) return false
  return [0, process.getuid?.()].includes(stat.uid) && (stat.mode & 0o022) === 0
}
