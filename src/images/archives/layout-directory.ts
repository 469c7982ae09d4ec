import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { entryPath } from '../layers/entry-path.ts'
import type { ArchiveFile, ArchiveFiles } from './archive-files.ts'

/** An OCI layout that lies in a directory. Names go through the same checks as those of archives, and links are not followed. */
export class LayoutDirectory implements ArchiveFiles {
  readonly origin: string
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    this.origin = `"${path}"`
  }

  async find(name: string): Promise<ArchiveFile | undefined> {
    const path = join(this.#path, entryPath(name, 16))
    const stat = await lstat(path).catch(() => undefined)
    return stat?.isFile() ? { kind: 'path', path, size: stat.size } : undefined
  }
}
