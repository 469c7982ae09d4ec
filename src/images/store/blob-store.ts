import { createHash } from 'node:crypto'
import {
  createReadStream,
  createWriteStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AirplantError } from '../../errors.ts'
import type { Descriptor } from '../descriptor.ts'
import { digestOf, parseDigest } from '../digest.ts'
import { PartialBlob } from './partial-blob.ts'
import type { StoreContext } from './store-context.ts'
import { explainFailure } from './store-error.ts'

/** How long the beginning of a blob is kept for its continuation when nobody asks for space, in ms. */
const PARTIAL_AGE = 24 * 3600 * 1000

/** @see BlobStore.write */
export interface BlobWriteOptions {
  /** Bytes of the blob that are there, also those of an earlier attempt. */
  readonly onProgress?: ((done: number) => void) | undefined
  /** Ends the waiting for another process that writes the same blob; the stream is the caller's to end. */
  readonly signal?: AbortSignal | undefined
}

/** Where the bytes of a blob come from: all of it from an offset on. */
export type OpenBlob = (offset: number) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>

/** The blobs of the store, each named by its digest. A file that is there is whole and was checked. */
export class BlobStore {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** @throws {AirplantError} `ERR_INVALID_REFERENCE` when it is no digest */
  path(digest: string): string {
    const { algorithm, hex } = parseDigest(digest)
    return join(this.#context.layout.blobs, algorithm, hex)
  }

  /** @param size bytes that it has to have; a file of another size is not the blob */
  has(digest: string, size?: number): boolean {
    const stat = statSync(this.path(digest), { throwIfNoEntry: false })
    return stat !== undefined && stat.isFile() && (size === undefined || stat.size === size)
  }

  /** Keeps a small blob, a manifest. @throws {AirplantError} `ERR_DIGEST_MISMATCH`, `ERR_DISK_FULL`, `ERR_STORE` */
  async put(digest: string, bytes: Uint8Array): Promise<void> {
    const { algorithm } = parseDigest(digest)
    const actual = digestOf(bytes, algorithm)
    if (actual !== digest) throw mismatch(digest, `the bytes have ${actual}`)
    const path = this.#prepare(digest)
    // It is small: what was damaged since is replaced at once.
    if (this.has(digest, bytes.length) && readFileSync(path).equals(bytes)) return
    this.#context.temporary.replaceFile(path, bytes, { sync: true })
  }

  /**
   * Keeps a blob whose bytes come as a stream, and checks them on the way. A stream that fails leaves its beginning, and the next call goes
   * on from there; what turns out wrong leaves nothing. Of two that write the same blob, also in two processes, one works and the other
   * waits.
   *
   * @param open called only when the blob is not there
   * @returns how many bytes came by the stream
   * @throws {AirplantError} `ERR_DIGEST_MISMATCH`, `ERR_DISK_FULL`, `ERR_STORE`, `ERR_ABORTED`; and what the stream throws
   * @example
   * await blobs.write(layer, (offset) => client.openBlob(reference, layer, { offset }))
   */
  async write(
    descriptor: Descriptor,
    open: OpenBlob,
    options: BlobWriteOptions = {},
  ): Promise<{ transferred: number }> {
    const { digest, size } = descriptor
    if (this.has(digest, size)) return { transferred: 0 }
    const { signal } = options
    return await this.#context.withLock(`write-${digest}`, { signal }, async () => {
      if (this.has(digest, size)) return { transferred: 0 }
      const path = this.#prepare(digest)
      const partial = partialPath(this.#context.layout.tmp, digest)
      const { transferred } = await fill(partial, descriptor, open, options)
      try {
        await rename(partial, path)
      } catch (error) {
        throw explainFailure(error, `write "${path}"`)
      }
      return { transferred }
    })
  }

  /**
   * Keeps a blob that is being made: nobody knows its digest before its end.
   *
   * @throws {AirplantError} `ERR_DISK_FULL`, `ERR_STORE`; and what the stream throws. Nothing is left of it then
   */
  async add(bytes: AsyncIterable<Uint8Array>): Promise<{ readonly digest: string; readonly size: number }> {
    const { temporary } = this.#context
    const shell = await temporary.make()
    try {
      const file = join(shell, 'blob')
      const hash = createHash('sha256')
      const measured = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of bytes) {
          hash.update(chunk)
          yield chunk
        }
      }
      await pipeline(measured, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }))
      const digest = `sha256:${hash.digest('hex')}`
      const { size } = statSync(file)
      renameSync(file, this.#prepare(digest))
      return { digest, size }
    } catch (error) {
      throw explainFailure(error, 'keep a blob')
    } finally {
      await temporary.remove(shell)
    }
  }

  remove(digest: string): void {
    rmSync(this.path(digest), { force: true })
  }

  /** Digests of all blobs with their sizes in bytes. */
  list(): { readonly digest: string; readonly size: number }[] {
    const algorithms = readdirSync(this.#context.layout.blobs).filter((name) => name === 'sha256' || name === 'sha512')
    return algorithms.flatMap((algorithm) =>
      readdirSync(join(this.#context.layout.blobs, algorithm)).flatMap((hex) => {
        const stat = statSync(join(this.#context.layout.blobs, algorithm, hex), { throwIfNoEntry: false })
        return stat?.isFile() ? [{ digest: `${algorithm}:${hex}`, size: stat.size }] : []
      }),
    )
  }

  /** Reads a blob again. @returns whether it still is what its name says */
  async check(digest: string): Promise<boolean> {
    const { algorithm, hex } = parseDigest(digest)
    const hash = createHash(algorithm)
    for await (const chunk of createReadStream(this.path(digest))) hash.update(chunk as Buffer)
    return hash.digest('hex') === hex
  }

  /** Deletes a blob that is no longer what its name says. @returns whether it is to be fetched again */
  async dropDamaged(digest: string): Promise<boolean> {
    return await this.#context.withLock(`write-${digest}`, {}, async () => {
      if (this.has(digest) && (await this.check(digest))) return false
      this.remove(digest)
      return true
    })
  }

  /** Beginnings of blobs: their sizes in bytes, and when they were last written to, in ms since 1970. */
  partials(): { readonly digest: string; readonly size: number; readonly changed: number }[] {
    return readdirSync(this.#context.layout.tmp).flatMap((name) => {
      const [, blob] = /^(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})\.partial$/.exec(name) ?? []
      const stat = lstatSync(join(this.#context.layout.tmp, name), { throwIfNoEntry: false })
      return blob === undefined || !stat
        ? []
        : [{ digest: blob.replace('-', ':'), size: stat.size, changed: stat.mtimeMs }]
    })
  }

  /** Deletes the beginning of a blob, unless somebody continues it. @returns bytes */
  async dropPartial(digest: string): Promise<number> {
    const path = partialPath(this.#context.layout.tmp, digest)
    if (!lstatSync(path, { throwIfNoEntry: false })) return 0
    await using lock = await this.#context.lock(`write-${digest}`, { wait: false })
    const size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (!lock) return 0
    rmSync(path, { force: true })
    return size
  }

  /** Deletes beginnings of blobs that nobody continues. @param options.all also young ones @returns bytes */
  async removePartials(options: { all: boolean }): Promise<number> {
    let bytes = 0
    for (const { digest, changed } of this.partials()) {
      if (options.all || Date.now() - changed >= PARTIAL_AGE) bytes += await this.dropPartial(digest)
    }
    return bytes
  }

  #prepare(digest: string): string {
    const path = this.path(digest)
    const { algorithm } = parseDigest(digest)
    // Only sha256 has its directory from the beginning.
    if (algorithm === 'sha512') mkdirSync(join(this.#context.layout.blobs, algorithm), { recursive: true, mode: 0o700 })
    return path
  }
}

async function fill(
  path: string,
  descriptor: Descriptor,
  open: OpenBlob,
  options: BlobWriteOptions,
): Promise<{ transferred: number }> {
  for (;;) {
    await using partial = await PartialBlob.open(path, descriptor)
    const begun = partial.size
    options.onProgress?.(begun)
    if (begun < descriptor.size) await partial.append(await open(begun), options.onProgress)
    const problem = partial.problem()
    if (problem === undefined) {
      await partial.sync()
      return { transferred: descriptor.size - begun }
    }
    rmSync(path, { force: true })
    // The beginning may be what was damaged, by a crash of the machine.
    if (begun === 0) throw mismatch(descriptor.digest, problem)
  }
}

function partialPath(tmp: string, digest: string): string {
  const { algorithm, hex } = parseDigest(digest)
  return join(tmp, `${algorithm}-${hex}.partial`)
}

function mismatch(digest: string, problem: string): AirplantError {
  return new AirplantError({
    code: 'ERR_DIGEST_MISMATCH',
    phase: 'store',
    message: `Cannot keep ${digest}: ${problem}`,
    hint: 'Try again; if it happens again, the registry or a proxy before it changes or cuts what it sends',
    detail: digest,
  })
}
