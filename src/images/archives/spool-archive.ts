import { entryPath } from '../layers/entry-path.ts'
import type { PackItem } from '../layers/tar-bytes.ts'
import { tarItems } from '../layers/tar-items.ts'
import type { UnpackLimits } from '../layers/unpack-limits.ts'
import type { ImageStore } from '../store/image-store.ts'
import { incomplete, type ArchiveFile, type ArchiveFiles } from './archive-files.ts'
import { rootFileSystemNames } from './root-file-system.ts'

/** Files up to so many bytes are kept in memory: manifests and configurations. */
const SMALL = 256 * 1024

/** Bytes of small files that are kept in memory altogether. */
const MOST_IN_MEMORY = 32 * 1024 * 1024

/** An archive with 500 layers in the oldest format has 2000. */
const MOST_FILES = 20_000

/** Links in a row, as on Linux. */
const MOST_LINKS = 40

/**
 * Reads an image archive to its end, from a pipe too: its documents may come last. Large files become blobs of the store on the way, which
 * nobody needs unless a document turns out to name them. The lock `collect` is to be held.
 *
 * @throws {AirplantError} `ERR_INVALID_ARCHIVE`, `ERR_UNSAFE_ARCHIVE`, `ERR_ARCHIVE_LIMIT`, `ERR_DIGEST_MISMATCH`, `ERR_DISK_FULL`
 */
export async function spoolArchive(
  store: ImageStore,
  bytes: AsyncIterable<Uint8Array>,
  origin: string,
  limits: Partial<UnpackLimits>,
): Promise<ArchiveFiles> {
  const spool = new Spool(store, origin)
  for await (const item of tarItems(bytes, { limits: { ...limits, entries: MOST_FILES } })) await spool.take(item)
  return spool
}

class Spool implements ArchiveFiles {
  readonly origin: string
  readonly #store: ImageStore
  readonly #files = new Map<string, ArchiveFile>()
  readonly #links = new Map<string, string>()
  #inMemory = 0
  #roots = 0

  constructor(store: ImageStore, origin: string) {
    this.#store = store
    this.origin = origin
  }

  async take({ entry, data }: PackItem): Promise<void> {
    const { kind, path, link, size } = entry
    // Said before gigabytes were read.
    if (rootFileSystemNames.has(path.split('/')[0]!) && ++this.#roots >= 3) throw rootFileSystem(this)
    if (kind === 'symlink') this.#links.set(path, besideOf(path, link))
    else if (kind === 'hardlink') this.#links.set(path, link)
    else if (kind === 'file') this.#files.set(path, await this.#keep(path, size, data))
  }

  async find(name: string): Promise<ArchiveFile | undefined> {
    let path = entryPath(name, 256)
    for (let links = 0; links < MOST_LINKS; links++) {
      const target = this.#links.get(path)
      if (target === undefined) return this.#files.get(path)
      path = target
    }
    return undefined
  }

  async #keep(path: string, size: number, data: AsyncIterable<Buffer>): Promise<ArchiveFile> {
    if (size <= SMALL && this.#inMemory + size <= MOST_IN_MEMORY) {
      this.#inMemory += size
      const chunks: Buffer[] = []
      for await (const chunk of data) chunks.push(chunk)
      return { kind: 'memory', bytes: Buffer.concat(chunks) }
    }
    const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? []
    const digest = hex && `sha256:${hex}`
    if (digest && this.#store.blobs.has(digest, size)) return { kind: 'blob', digest, size }
    return { kind: 'blob', ...(await this.#store.blobs.add(data)) }
  }
}

/** What a link of the archive means, within the archive: old ones have "../<id>/layer.tar". */
function besideOf(path: string, link: string): string {
  const parts = link.startsWith('/') ? [] : path.split('/').slice(0, -1)
  for (const part of link.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

function rootFileSystem(files: ArchiveFiles): Error {
  return incomplete(
    files,
    'it holds a root file system and no images',
    'Import it: "airplant import", or { tar: path } as the image',
  )
}
