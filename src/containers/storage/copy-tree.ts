import type { FileChannel, ReadOptions } from '../../rootless/files/file-channel.ts'

// What is copied was unpacked within limits.
const NO_LIMITS = { entries: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER, depth: 4096 }

/**
 * Copies a directory with owners, modes and times into another worker's root: whiteouts remove what is there.
 *
 * @param options.root whether the other root becomes like the directory itself
 */
export async function copyTree(
  from: FileChannel,
  path: string,
  to: FileChannel,
  { raw, root }: Pick<ReadOptions, 'raw'> & { readonly root: boolean },
): Promise<void> {
  to.begin({ mode: 'merge', base: '', flattenOwners: false, limits: NO_LIMITS, overwrite: true })
  for await (const { entry, data } of from.read(path, { raw })) {
    if (entry.path === '' && !root) continue
    await to.entry(entry)
    for await (const chunk of data) await to.data(chunk)
  }
  await to.finish()
}
