import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

// unix(7): sun_path has 108 bytes, the last of which is a NUL.
const MOST_PATH_BYTES = 107

/**
 * Calls something with a path for bind(2) or connect(2) that is short enough, which a path through a descriptor of its directory is.
 *
 * @param path absolute, as long as paths may be
 */
export async function withSocketPath<T>(path: string, call: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= MOST_PATH_BYTES) return call(path)
  let handle: FileHandle | undefined
  try {
    handle = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
    return await call(join(`/proc/self/fd/${handle.fd}`, basename(path)))
  } finally {
    await handle?.close()
  }
}
