import { AirplantError } from '../errors.ts'
import { invalidOption } from './option-parsers.ts'

// unix(7): sun_path has 108 bytes, the last of which is a NUL. What a server calls its socket has to fit: "/.s.PGSQL.5432".
const MOST_BYTES = 107
const ROOM_FOR_NAME = '/.s.PGSQL.5432'.length

/** A directory for Unix sockets, on both sides. */
export interface SocketDirectory {
  /** Path on the host, in the container's scratch directory, with which it is removed. */
  readonly path: string
  /** Path in the container. */
  readonly target: string
}

/** Where a container's socket directories are on the host. */
export function socketDirectories(scratch: string, targets: readonly string[]): SocketDirectory[] {
  return targets.map((target, index) => ({ path: `${scratch}/s${index}`, target }))
}

/** @throws {AirplantError} `ERR_INVALID_OPTION` when no client could connect to a socket there */
export function checkSocketPaths(directories: readonly SocketDirectory[]): void {
  const most = MOST_BYTES - ROOM_FOR_NAME
  const long = directories.find(({ path }) => Buffer.byteLength(path) > most)
  if (!long) return
  const problem = `on the host it would be "${long.path}", and a socket's path has at most ${MOST_BYTES} bytes`
  const hint = 'Set AIRPLANT_STATE_DIR to a directory with a shorter path'
  throw invalidOption('a directory of sockets', long.target, problem, hint)
}

/**
 * The host's path of one of them.
 *
 * @throws {AirplantError} `ERR_INVALID_OPTION` when the container has no such directory
 */
export function findSocketDirectory(
  { id, directories }: { readonly id: string; readonly directories: readonly SocketDirectory[] },
  wanted: string,
): string {
  const found = directories.find(({ target }) => target === wanted.replace(/(?<=.)\/+$/, ''))
  if (found) return found.path
  const all = directories.map(({ target }) => `"${target}"`).join(', ')
  throw new AirplantError({
    code: 'ERR_INVALID_OPTION',
    message: `Cannot give the directory of sockets "${wanted}" of container ${id}: it was started without`,
    hint: all === '' ? `Start it with sockets: ["${wanted}"]` : `It has ${all}`,
    container: id,
  })
}
