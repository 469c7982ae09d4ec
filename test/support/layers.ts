import { createHash } from 'node:crypto'
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { ApplySummary } from '../../src/rootless/files/apply-options.ts'
import type { FileEntry } from '../../src/rootless/files/file-entry.ts'
import { FileWorker } from '../../src/rootless/files/file-worker.ts'
import { removeByKeeper } from '../../src/rootless/host-files.ts'
import { Session } from '../../src/rootless/session.ts'
import { unpackLayer, type UnpackLayerOptions } from '../../src/images/layers/unpack-layer.ts'
import { giveTo } from './give-to.ts'

/** A blob as bytes, with what a manifest and a configuration say of it. */
export interface Blob {
  bytes: Buffer
  mediaType: string
  diffId: string
  digest: string
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** A layer of an archive. */
export function layerBlob(archive: Buffer, compression: 'none' | 'gzip' = 'none'): Blob {
  const bytes = compression === 'gzip' ? gzipSync(archive) : archive
  const mediaType = `application/vnd.oci.image.layer.v1.tar${compression === 'gzip' ? '+gzip' : ''}`
  return { bytes, mediaType, diffId: sha256(archive), digest: sha256(bytes) }
}

/** A place for layers, with a session of its own. */
export class LayerBench implements AsyncDisposable {
  readonly session: Session
  readonly path: string
  #count = 0

  private constructor(session: Session, path: string) {
    this.session = session
    this.path = path
  }

  static async start(): Promise<LayerBench> {
    const session = await Session.start()
    const path = mkdtempSync(join(tmpdir(), 'airplant-layers-'))
    giveTo(session, path)
    return new LayerBench(session, path)
  }

  /** An empty directory of the session's. */
  directory(): string {
    const path = join(this.path, `layer-${++this.#count}`)
    mkdirSync(path, { mode: 0o755 })
    giveTo(this.session, path)
    return path
  }

  /** A file with these bytes. */
  file(bytes: Buffer): string {
    const path = join(this.path, `blob-${++this.#count}`)
    writeFileSync(path, bytes)
    return path
  }

  /** Unpacks a blob into a new directory. */
  async unpack(blob: Blob, options: UnpackLayerOptions = {}): Promise<{ directory: string; summary: ApplySummary }> {
    const directory = this.directory()
    const { mediaType, diffId } = blob
    const summary = await unpackLayer(
      this.session,
      { path: this.file(blob.bytes), mediaType, diffId },
      directory,
      options,
    )
    return { directory, summary }
  }

  /** What is in a layer's directory by path, also what belongs to other users; contents as text. A directory that is opaque has
   * a second entry. */
  async read(directory: string): Promise<Map<string, FileEntry & { content: string }>> {
    await using worker = await FileWorker.start(this.session, { kind: 'directory', path: directory })
    const channel = await worker.connect()
    const found = new Map<string, FileEntry & { content: string }>()
    for await (const { entry, data } of channel.read('', { raw: true })) {
      const chunks: Buffer[] = []
      for await (const chunk of data) chunks.push(chunk)
      const name = entry.kind === 'opaque' ? `${entry.path} (opaque)` : entry.path
      found.set(name, { ...entry, content: Buffer.concat(chunks).toString() })
    }
    channel.close()
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeByKeeper(this.session, this.path)
    await this.session[Symbol.asyncDispose]()
  }
}
