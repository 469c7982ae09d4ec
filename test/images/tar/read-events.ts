import type { TarEntry } from '../../../src/images/tar/tar-entry.ts'
import { TarReader, type TarReaderOptions } from '../../../src/images/tar/tar-reader.ts'

/** An entry with its content; holes as zeros. */
export interface ReadEntry extends TarEntry {
  content: Buffer
  /** Bytes of holes. */
  holes: number
}

/** Reads an archive that comes in chunks of so many bytes. */
export function readArchive(
  archive: Buffer,
  { chunk = 65536, strict = true, ...options }: TarReaderOptions & { chunk?: number; strict?: boolean } = {},
): ReadEntry[] {
  const reader = new TarReader(options)
  const entries: (ReadEntry & { parts: Buffer[] })[] = []
  for (let at = 0; at < archive.length; at += chunk) {
    // A copy, so that a reader which keeps parts of the chunk is found out.
    const bytes = Buffer.from(archive.subarray(at, at + chunk))
    for (const event of reader.write(bytes)) {
      const last = entries.at(-1)
      if (event.type === 'entry') entries.push({ ...event.entry, content: Buffer.alloc(0), holes: 0, parts: [] })
      else if (event.type === 'data') last!.parts.push(Buffer.from(event.data))
      else {
        last!.parts.push(Buffer.alloc(event.size))
        last!.holes += event.size
      }
    }
    bytes.fill(0xee)
  }
  reader.end(strict)
  return entries.map(({ parts, ...entry }) => ({ ...entry, content: Buffer.concat(parts) }))
}
