const MOST = 1024 * 1024

// One for all holes: by it they are known again.
const zeros = Buffer.alloc(MOST)

/**
 * Whether a chunk of a file's content stands for a hole, so that whoever writes it can leave one too. Such chunks share their memory: they
 * may not be written to.
 *
 * @example
 * for await (const chunk of item.data) await (isHole(chunk) ? channel.hole(chunk.length) : channel.data(chunk))
 */
export function isHole(chunk: Buffer): boolean {
  return chunk.buffer === zeros.buffer
}

/** A hole of so many bytes, or of a megabyte when it is larger. @internal */
export function holeOf(size: number): Buffer {
  return size >= MOST ? zeros : zeros.subarray(0, size)
}
