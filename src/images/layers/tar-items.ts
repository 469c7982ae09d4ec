import { TarReader } from '../tar/tar-reader.ts'
import type { TarEvent } from '../tar/tar-entry.ts'
import { overLimit } from '../tar/tar-error.ts'
import { plainEntry } from './layer-entry.ts'
import type { PackItem } from './tar-bytes.ts'
import { unpackLimits, type UnpackLimits } from './unpack-limits.ts'
import { unpackedStream } from './unpacked-stream.ts'

/** Zeros of holes are handed out in pieces of so many bytes. */
const PIECE = 256 * 1024

/**
 * The entries of a tar archive that is no layer (`.wh.` means nothing), compressed or not, one after another. An item's data has to be read
 * before the next item, or is passed over. Holes come as zeros.
 *
 * @throws {AirplantError} while it is read: `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`
 *
 * @example
 * for await (const { entry, data } of tarItems(createReadStream('backup.tar.gz'))) console.log(entry.path)
 */
export async function* tarItems(
  tar: AsyncIterable<Uint8Array>,
  options: { readonly limits?: Partial<UnpackLimits> } = {},
): AsyncGenerator<PackItem> {
  const limits = unpackLimits({}, options.limits)
  const events = tarEvents(unpackedStream(buffers(tar), { limits }), limits)
  let count = 0
  try {
    for (let next = await events.next(); !next.done;) {
      // Data of an item that nobody wanted.
      if (next.value.type !== 'entry') {
        next = await events.next()
        continue
      }
      if (++count > limits.entries) throw overLimit(`It has more than ${limits.entries} entries`, 'limits.entries')
      const entry = plainEntry(next.value.entry, limits.depth)
      const after: { next: IteratorResult<TarEvent> } = { next: await events.next() }
      yield { entry, data: content(events, after) }
      next = after.next
    }
  } finally {
    await events.return()
  }
}

async function* content(
  events: AsyncGenerator<TarEvent, void, undefined>,
  after: { next: IteratorResult<TarEvent, unknown> },
): AsyncGenerator<Buffer> {
  while (!after.next.done && after.next.value.type !== 'entry') {
    const event = after.next.value
    if (event.type === 'data') yield event.data
    else yield* zeros(event.size)
    after.next = await events.next()
  }
}

function* zeros(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= Math.min(left, PIECE)) yield Buffer.alloc(Math.min(left, PIECE))
}

async function* tarEvents(tar: AsyncIterable<Buffer>, limits: UnpackLimits): AsyncGenerator<TarEvent, void, undefined> {
  const reader = new TarReader({ headerBytes: limits.headerBytes })
  for await (const chunk of tar) yield* reader.write(chunk)
  reader.end()
}

async function* buffers(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  }
}
