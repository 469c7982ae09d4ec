import type { ApplyOptions, ApplySummary } from '../../rootless/files/apply-options.ts'
import type { FileChannel } from '../../rootless/files/file-channel.ts'
import { overLimit } from '../tar/tar-error.ts'
import type { TarEvent } from '../tar/tar-entry.ts'
import { TarReader } from '../tar/tar-reader.ts'
import { layerEntry, plainEntry } from './layer-entry.ts'
import type { UnpackLimits } from './unpack-limits.ts'

/** What decoders put in the place of bytes that are not UTF-8. */
const NO_TEXT = '\ufffd'

/** How an archive is written into a file worker's target. */
export interface ApplyTarOptions {
  readonly limits: UnpackLimits
  readonly apply: Omit<ApplyOptions, 'limits'>
  /** `.wh.` names mean that something is gone, as in layers. @default true */
  readonly whiteouts?: boolean
  /** The archive must have its end mark; where a digest vouches for the bytes it may be missing. @default true */
  readonly strict?: boolean
}

/**
 * Writes the entries of a tar archive through a file worker. When it throws, the channel is of no more use: close it.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`, and what {@link FileChannel.entry} throws
 */
export async function applyTar(
  tar: AsyncIterable<Buffer>,
  channel: FileChannel,
  options: ApplyTarOptions,
): Promise<ApplySummary> {
  const { limits, whiteouts = true, strict = true } = options
  const { entries, bytes, depth } = limits
  const reader = new TarReader({ headerBytes: limits.headerBytes })
  const translate = whiteouts ? layerEntry : plainEntry
  let count = 0
  let skipping = false
  let unreadable = 0
  channel.begin({ ...options.apply, limits: { entries, bytes, depth } })

  const send = (event: TarEvent): Promise<void> | undefined => {
    if (event.type === 'entry') {
      if (++count > entries) throw overLimit(`It has more than ${entries} entries`, 'limits.entries')
      const entry = translate(event.entry, depth)
      skipping = entry === undefined
      if (entry?.path.includes(NO_TEXT)) unreadable++
      return entry && channel.entry(entry)
    }
    if (skipping) return undefined
    return event.type === 'data' ? channel.data(event.data) : channel.hole(event.size)
  }

  for await (const chunk of tar) {
    for (const event of reader.write(chunk)) await send(event)
  }
  reader.end(strict)
  const summary = await channel.finish()
  if (unreadable === 0) return summary
  const warning = `${unreadable} names are not UTF-8: what is none was replaced by "${NO_TEXT}"`
  return { ...summary, warnings: [...summary.warnings, warning] }
}
