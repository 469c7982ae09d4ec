import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AirplantError } from '../errors.ts'
import { cacheDirectory, canExecute, compileToCache, copyToCache, findCached } from './keeper-cache.ts'
import { KEEPER_NAME, readKeeperSources } from './keeper-sources.ts'

/** Where {@link resolveKeeper} looks; the defaults are this package on this machine. */
export interface KeeperPlaces {
  /** The package's directory, with `dist`, `prebuilt` and `src`. */
  readonly packageRoot?: string
  /** Node's name of the processor, `x64` or `arm64`. */
  readonly arch?: string
}

/**
 * Finds the keeper's program, first of: `AIRPLANT_KEEPER`; the build's own `dist/keeper`; the package's prebuilt one, whose sha256 is
 * checked; the one compiled earlier into `${XDG_CACHE_HOME:-~/.cache}/airplant`; compiled there now with `$CC` or `cc`. A
 * program on a noexec mount is copied to the cache. Only compiling makes it a promise. Call it once per session: it keeps nothing.
 *
 * @throws {AirplantError} `ERR_KEEPER_MISSING` when nothing of that works, `ERR_UNSUPPORTED_PLATFORM` outside Linux
 * @example
 * const keeper = await resolveKeeper(process.env)
 */
export function resolveKeeper(env: NodeJS.ProcessEnv, places: KeeperPlaces = {}): Promise<string> | string {
  if (env.AIRPLANT_KEEPER) return fromEnvironment(env.AIRPLANT_KEEPER)
  const { packageRoot = findPackageRoot(), arch = process.arch } = places
  const built = join(packageRoot, 'dist', 'keeper', KEEPER_NAME)
  if (canExecute(built)) return built
  if (process.platform !== 'linux') throw unsupported()
  if (existsSync(built)) return fromCacheOrCopy(env, built, readFileSync(built))
  return fromPrebuilt(env, packageRoot, `linux-${arch}`) ?? fromSources(env, packageRoot)
}

function fromEnvironment(path: string): string {
  if (canExecute(path)) return path
  throw new AirplantError({
    code: 'ERR_KEEPER_MISSING',
    phase: 'session',
    message: `Cannot start the keeper: AIRPLANT_KEEPER is "${path}", which is not an executable file`,
    hint: 'Set AIRPLANT_KEEPER to the path of an airplant-keeper program, or unset it',
  })
}

function fromPrebuilt(env: NodeJS.ProcessEnv, packageRoot: string, platform: string): string | undefined {
  const program = join(packageRoot, 'prebuilt', platform, KEEPER_NAME)
  if (!existsSync(program)) return undefined
  const content = readFileSync(program)
  const expected = readHashes(packageRoot)[`${platform}/${KEEPER_NAME}`]
  if (expected !== sha256(content)) {
    throw new AirplantError({
      code: 'ERR_KEEPER_MISSING',
      phase: 'session',
      message: `Cannot use "${program}": its sha256 is not the one in prebuilt/hashes.json`,
      hint: 'Install the package again, or set AIRPLANT_KEEPER to a keeper that you built',
    })
  }
  return canExecute(program) ? program : fromCacheOrCopy(env, program, content)
}

function fromCacheOrCopy(env: NodeJS.ProcessEnv, source: string, content: Buffer): string {
  const cache = cacheDirectory(env)
  const key = sha256(content).slice(0, 16)
  try {
    return runnable(findCached(cache, key) ?? copyToCache(cache, key, source))
  } catch (cause) {
    throw cacheError(`Cannot execute "${source}" (noexec mount?), nor a copy in "${cache}"`, cause)
  }
}

function fromSources(env: NodeJS.ProcessEnv, packageRoot: string): Promise<string> | string {
  const sources = readKeeperSources(join(packageRoot, 'src', 'rootless', 'keeper'))
  if (!sources) throw missing(`Cannot find a keeper: no program and no C sources in "${packageRoot}"`)
  const cache = cacheDirectory(env)
  const key = `${sources.hash}-${process.arch}`
  return findCached(cache, key) ?? compile(cache, key, env.CC || 'cc', sources.units)
}

async function compile(cache: string, key: string, compiler: string, units: readonly string[]): Promise<string> {
  let program: string
  try {
    program = await compileToCache(cache, key, compiler, units)
  } catch (cause) {
    const { code, syscall, stderr = '' } = cause as NodeJS.ErrnoException & { stderr?: string }
    // EACCES instead of ENOENT when PATH holds a directory that is not ours to enter.
    if (syscall?.startsWith('spawn')) throw missing(`Cannot compile the keeper: "${compiler}" not found`, cause)
    if (typeof code === 'string') throw cacheError(`Cannot write the keeper to "${cache}"`, cause)
    throw missing(`Cannot compile the keeper with "${compiler}":\n${stderr.slice(0, 2000).trimEnd()}`, cause)
  }
  return runnable(program)
}

function runnable(program: string): string {
  if (canExecute(program)) return program
  throw cacheError(`Cannot execute "${program}": its file system is mounted noexec`)
}

function missing(message: string, cause?: unknown): AirplantError {
  const hint =
    'Install a C compiler (Debian, Ubuntu: sudo apt-get install -y gcc libc6-dev; Fedora: sudo dnf install -y gcc; ' +
    'Alpine: sudo apk add gcc musl-dev), or set AIRPLANT_KEEPER to a built airplant-keeper'
  return new AirplantError({ code: 'ERR_KEEPER_MISSING', phase: 'session', message, hint, cause })
}

function cacheError(message: string, cause?: unknown): AirplantError {
  if (cause instanceof AirplantError) return cause
  const hint =
    'Set XDG_CACHE_HOME to a directory of yours where programs may be executed, or AIRPLANT_KEEPER to a program'
  return new AirplantError({ code: 'ERR_KEEPER_MISSING', phase: 'session', message, hint, cause })
}

function unsupported(): AirplantError {
  return new AirplantError({
    code: 'ERR_UNSUPPORTED_PLATFORM',
    phase: 'session',
    message: `Cannot run containers on ${process.platform}`,
    hint: 'Use Linux, or a Linux virtual machine such as WSL2 or Lima',
  })
}

function readHashes(packageRoot: string): Record<string, string | undefined> {
  try {
    return JSON.parse(readFileSync(join(packageRoot, 'prebuilt', 'hashes.json'), 'utf8')) as Record<string, string>
  } catch {
    return {}
  }
}

// The same file runs from src/ under vitest and from dist/src/ when built.
function findPackageRoot(): string {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
  return basename(root) === 'dist' ? dirname(root) : root
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
