import type { FileEntry } from '../../rootless/files/file-entry.ts'
import { encodeEntry, padding } from '../tar/encode-entry.ts'
import { BLOCK } from '../tar/tar-entry.ts'
import { layerTarEntry } from './layer-tar-entry.ts'

/** A file with its content, as file workers read it. */
export interface PackItem {
  readonly entry: FileEntry
  readonly data: AsyncIterable<Buffer>
}

/** Headers gather to so many bytes: what comes after would otherwise work in pieces of 512. */
const BATCH = 128 * 1024

/** The bytes of a tar archive with these items, in their order. */
export async function* tarBytes(items: AsyncIterable<PackItem>, fractions: boolean): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let size = 0
  for await (const part of pieces(items, fractions)) {
    parts.push(part)
    size += part.length
    if (size < BATCH) continue
    yield Buffer.concat(parts)
    parts = []
    size = 0
  }
  yield Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

async function* pieces(items: AsyncIterable<PackItem>, fractions: boolean): AsyncGenerator<Buffer> {
  for await (const { entry, data } of items) {
    const tarEntry = layerTarEntry(entry, fractions)
    if (!tarEntry) continue
    yield encodeEntry(tarEntry)
    if (tarEntry.size > 0) yield* content(data, tarEntry.size)
  }
}

/** Exactly as many bytes as the header said: a file may grow or shrink while it is read. GNU tar does the same. */
async function* content(data: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let left = size
  for await (const chunk of data) {
    if (left === 0) continue
    const part = chunk.subarray(0, left)
    left -= part.length
    yield part
  }
  for (; left > 0; left -= Math.min(left, BATCH)) yield Buffer.alloc(Math.min(left, BATCH))
  yield Buffer.alloc(padding(size))
}
