import type { ContainerFiles } from './container-files.ts'
import { openFiles } from './container-files.ts'
import { relative } from './copy-in.ts'

/** @see FileAccess.isDirectory */
export async function isDirectory(files: ContainerFiles, path: string): Promise<boolean> {
  await using open = await openFiles(files)
  return (await open.channel.stat(relative(path), { follow: true }))?.kind === 'directory'
}
