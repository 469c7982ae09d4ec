const LENGTH_BYTES = 2
const NOTHING = Buffer.alloc(0)

/**
 * Cuts a stream into messages: each has its length in two bytes (big endian) in front (RFC 1035, 4.2.2). It keeps no more than one unfinished
 * message beside the chunk that it was given.
 */
export class FrameReader {
  #bytes: Buffer = NOTHING

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
  }

  /** Bytes of the message that is next, whether it is whole or not; undefined while that is not known. */
  get nextLength(): number | undefined {
    return this.#bytes.length < LENGTH_BYTES ? undefined : this.#bytes.readUInt16BE(0)
  }

  /** Whether {@link take} has a message. */
  get isReady(): boolean {
    const length = this.nextLength
    return length !== undefined && this.#bytes.length >= LENGTH_BYTES + length
  }

  /** The next message, or undefined while it is not whole. */
  take(): Buffer | undefined {
    if (!this.isReady) return undefined
    const end = LENGTH_BYTES + this.nextLength!
    const message = this.#bytes.subarray(LENGTH_BYTES, end)
    // An empty view would keep the whole chunk for as long as its connection is quiet.
    this.#bytes = this.#bytes.length === end ? NOTHING : this.#bytes.subarray(end)
    return message
  }
}

/** A message with its length in front. */
export function frame(message: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
