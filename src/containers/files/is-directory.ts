import type { ContainerFiles } from './container-files.ts'
import { openFiles } from './container-files.ts'
import { relative } from './copy-in.ts'

/** @see FileAccess.isDirectory */
export async function isDirectory(files: ContainerFiles, path: string): Promise<boolean | undefined> {
  await using open = await openFiles(files)
  const entry = await open.channel.stat(relative(path), { follow: true })
  return entry && entry.kind === 'directory'
}
