import { pipeline, type Duplex } from 'node:stream'

/**
 * Sends a stream through a transform of Node's. Leaving the loop early ends both.
 *
 * @param explain makes the error to throw of one that either side gave
 */
export async function* throughCodec(
  source: AsyncIterable<Buffer>,
  codec: Duplex,
  explain: (error: unknown) => unknown,
): AsyncGenerator<Buffer> {
  let failure: unknown
  pipeline(source, codec, (error: unknown) => (failure = error))
  try {
    for await (const chunk of codec as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw explain(failure ?? error)
  } finally {
    codec.destroy()
  }
}
