import { randomBytes } from 'node:crypto'
import { link, lstat, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isServed } from './dial.ts'
import { removeSocket } from './remove-socket.ts'

/**
 * Gives a listening Unix socket a path, unless another one that is served has it.
 *
 * A free path is taken by link(2), of which one succeeds. A dead socket in it is replaced by the one who holds its claim: a path beside it with
 * the dead socket's identity in its name, taken in the same way. So whoever looked at the path before, and comes late, finds no claim to get
 * or another socket than the one that it saw; and a claim is as good as its holder is alive.
 *
 * @param own where the socket is now; it stays there, too
 * @returns false when somebody else has it, or is about to
 */
export async function claimPath(path: string, own: string): Promise<boolean> {
  for (;;) {
    if (await tryLink(own, path)) return true
    // Before it is tried: another one in its place afterwards is then seen.
    const dead = await identity(path)
    if (await isServed(path)) return false
    if (dead === undefined) continue
    const claim = beside(path, dead)
    if (!(await claimPath(claim, own))) return false
    try {
      if ((await identity(path)) === dead) {
        await replace(path, own)
        return true
      }
    } finally {
      await removeSocket(claim)
    }
  }
}

/** A hidden path in the same directory. */
export function beside(path: string, suffix = randomBytes(6).toString('hex')): string {
  return join(dirname(path), `.${basename(path)}.${suffix}`)
}

async function replace(path: string, own: string): Promise<void> {
  const other = beside(path)
  await link(own, other)
  await rename(other, path)
}

/** Numbers of inodes are given again, but not within the same nanosecond. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs } = await lstat(path, { bigint: true })
    return `${ino.toString(36)}-${mtimeNs.toString(36)}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
