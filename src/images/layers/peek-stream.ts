/** A stream whose first bytes were looked at. */
export interface PeekedStream {
  /** At least as many bytes as were asked for, unless the stream has fewer. */
  readonly head: Buffer
  /** The whole stream, with the head. */
  readonly stream: AsyncIterable<Buffer>
}

/** Looks at a stream's first bytes. What it gives must be iterated, or the source is left open. */
export async function peekStream(source: AsyncIterable<Buffer>, size: number): Promise<PeekedStream> {
  const iterator = source[Symbol.asyncIterator]()
  const chunks: Buffer[] = []
  let have = 0
  while (have < size) {
    const next = await iterator.next()
    if (next.done) break
    chunks.push(next.value)
    have += next.value.length
  }
  return { head: Buffer.concat(chunks), stream: joined(chunks, iterator) }
}

async function* joined(chunks: readonly Buffer[], iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}
