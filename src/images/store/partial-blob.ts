import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import { constants, rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import type { Descriptor } from '../descriptor.ts'
import { parseDigest } from '../digest.ts'
import { explainFailure } from './store-error.ts'

/** Bytes gathered before they are written: a registry sends them in small pieces. */
const WRITE_SIZE = 1024 ** 2

/** The beginning of a blob in a file, with the state of its hash. */
export class PartialBlob implements AsyncDisposable {
  readonly #path: string
  readonly #descriptor: Descriptor
  readonly #file: FileHandle
  readonly #hash: Hash
  #size = 0

  private constructor(path: string, descriptor: Descriptor, file: FileHandle) {
    this.#path = path
    this.#descriptor = descriptor
    this.#file = file
    this.#hash = createHash(parseDigest(descriptor.digest).algorithm)
  }

  /** Opens the file or makes it, and reads what is there already. */
  static async open(path: string, descriptor: Descriptor): Promise<PartialBlob> {
    try {
      const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
      const partial = new PartialBlob(path, descriptor, file)
      await partial.#readBeginning()
      return partial
    } catch (error) {
      throw explainFailure(error, `write "${path}"`)
    }
  }

  /** Bytes that are there. */
  get size(): number {
    return this.#size
  }

  /** Writes what comes, up to one byte too many. What was written stays when the stream fails, and is deleted when the disk is full. */
  async append(stream: AsyncIterable<Uint8Array>, onProgress?: (done: number) => void): Promise<void> {
    let chunks: Uint8Array[] = []
    let gathered = 0
    const flush = async (): Promise<void> => {
      const batch = chunks
      gathered = 0
      chunks = []
      if (batch.length > 0) await this.#write(batch)
    }
    try {
      for await (const chunk of stream) {
        chunks.push(chunk)
        gathered += chunk.length
        this.#hash.update(chunk)
        onProgress?.(Math.min(this.#size + gathered, this.#descriptor.size))
        if (this.#size + gathered > this.#descriptor.size) break
        if (gathered >= WRITE_SIZE) await flush()
      }
    } finally {
      await flush()
    }
  }

  /** Why this is not the blob; undefined when it is. To be called once. */
  problem(): string | undefined {
    const { size, digest } = this.#descriptor
    if (this.#size > size) return `there are more than the ${size} bytes that were announced`
    if (this.#size < size) return `there are ${this.#size} bytes, and ${size} were announced`
    const { algorithm, hex } = parseDigest(digest)
    const actual = this.#hash.digest('hex')
    return actual === hex ? undefined : `the bytes have ${algorithm}:${actual}`
  }

  async sync(): Promise<void> {
    try {
      await this.#file.sync()
    } catch (error) {
      throw this.#failed(error)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close()
  }

  async #readBeginning(): Promise<void> {
    try {
      const { size } = await this.#file.stat()
      if (size > this.#descriptor.size) await this.#file.truncate(0)
      const buffer = Buffer.allocUnsafe(WRITE_SIZE)
      for (;;) {
        const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#size)
        if (bytesRead === 0) return
        this.#hash.update(buffer.subarray(0, bytesRead))
        this.#size += bytesRead
      }
    } catch (error) {
      await this.#file.close()
      throw error
    }
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    let left = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    try {
      while (left.length > 0) {
        const { bytesWritten } = await this.#file.write(left, 0, left.length, this.#size)
        this.#size += bytesWritten
        left = left.subarray(bytesWritten)
      }
    } catch (error) {
      throw this.#failed(error)
    }
  }

  // What fills the disk is not kept there.
  #failed(error: unknown): unknown {
    rmSync(this.#path, { force: true })
    return explainFailure(error, `write "${this.#path}"`)
  }
}
