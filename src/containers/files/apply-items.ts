import type { ApplyOptions, ApplySummary } from '../../rootless/files/apply-options.ts'
import type { FileChannel, FileItem } from '../../rootless/files/file-channel.ts'
import { isHole } from '../../rootless/files/holes.ts'

/** Bounds of what comes from files that are on this machine already. */
export const OWN_FILES = { entries: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER, depth: 4096 }

/** Writes items where the channel leads. */
export async function applyItems(
  channel: FileChannel,
  items: AsyncIterable<FileItem>,
  options: Partial<ApplyOptions> = {},
): Promise<ApplySummary> {
  channel.begin({ mode: 'merge', base: '', flattenOwners: false, overwrite: true, limits: OWN_FILES, ...options })
  for await (const { entry, data } of items) {
    await channel.entry(entry)
    for await (const chunk of data) await (isHole(chunk) ? channel.hole(chunk.length) : channel.data(chunk))
  }
  return await channel.finish()
}
