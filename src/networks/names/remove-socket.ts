import { unlink } from 'node:fs/promises'

/**
 * Removes a Unix socket's path, if it is there.
 *
 * Not by rm(), which looks at it first: Node's realpath goes by what was looked at last, and of a socket follows no link any more until something
 * else was (v20, lib/fs.js). What the process imports next would then be searched for in the wrong place, where packages are links, as pnpm makes them.
 */
export async function removeSocket(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
