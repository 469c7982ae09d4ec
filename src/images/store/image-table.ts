import { readFileSync } from 'node:fs'
import { AirplantError } from '../../errors.ts'
import { parseImageConfig } from '../config.ts'
import type { Descriptor } from '../descriptor.ts'
import type { ImageConfig } from '../image.ts'
import type { Manifest } from '../manifest.ts'
import { parseManifest } from '../manifest.ts'
import { mediaTypes } from '../media-types.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { BlobStore } from './blob-store.ts'
import type { IndexEntry, IndexFile } from './index-file.ts'
import type { SnapshotRecord, SnapshotRecords } from './snapshot-records.ts'

/** An image as the store knows it; its layers may or may not be unpacked. */
export interface StoredImage {
  /** Digest of the configuration. */
  readonly id: string
  readonly config: ImageConfig
  /** Keys, lowest first. */
  readonly layers: readonly string[]
  /** The manifest as registries know it; undefined for a snapshot. */
  readonly descriptor: Descriptor | undefined
  readonly manifest: Manifest | undefined
  /** Full names, those without a tag (`'…@sha256:…'`) among them. */
  readonly names: readonly string[]
  /** When a name's registry said last that it stands for this image, in ms since 1970. */
  readonly checked: ReadonlyMap<string, number>
  /** Digests by which it can be named: of its manifest, and of the index from which it came. The last one is what registries know. */
  readonly digests: readonly string[]
  readonly snapshot: SnapshotRecord | undefined
}

/** A manifest and its configuration; they never change. */
interface Content {
  readonly id: string
  readonly manifest: Manifest
  readonly config: ImageConfig
}

/** Finds images by name, digest and ID, from memory as long as `index.json` stays the same. */
export class ImageTable {
  readonly #blobs: BlobStore
  readonly #index: IndexFile
  readonly #records: SnapshotRecords
  readonly #contents = new Map<string, Content | undefined>()
  readonly #found = new Map<string, StoredImage | undefined>()
  #identity = ''
  #images: readonly StoredImage[] | undefined

  constructor(blobs: BlobStore, index: IndexFile, records: SnapshotRecords) {
    this.#blobs = blobs
    this.#index = index
    this.#records = records
  }

  /**
   * @param text a reference, an ID or the beginning of one, or a manifest's digest
   * @throws {AirplantError} `ERR_INVALID_REFERENCE` when it is none of these, or several IDs begin so; `ERR_STORE`
   */
  find(text: string): StoredImage | undefined {
    this.#refresh()
    if (this.#found.has(text)) return this.#found.get(text)
    const image = this.#search(text)
    this.#found.set(text, image)
    return image
  }

  /** All images, in the order in which they came. What cannot be read, or is no image, is left out. */
  all(): readonly StoredImage[] {
    this.#refresh()
    this.#images ??= this.#load(this.#index.read(), this.#records.read())
    return this.#images
  }

  #refresh(): void {
    const { identity } = this.#index
    if (identity === this.#identity) return
    this.#found.clear()
    this.#contents.clear()
    this.#images = undefined
    this.#identity = identity
  }

  #search(text: string): StoredImage | undefined {
    const [, hex] = /^(?:sha256:)?([0-9a-f]{64})$/.exec(text) ?? []
    if (hex !== undefined) return this.#byId(text, hex)
    const [, beginning] = /^(?:sha256:)?([0-9a-f]{2,63})$/.exec(text) ?? []
    if (beginning !== undefined && text.startsWith('sha256:')) return this.#byId(text, beginning)
    const named = this.#byName(text)
    return named ?? (beginning === undefined ? undefined : this.#byId(text, beginning))
  }

  #byName(text: string): StoredImage | undefined {
    const reference = parseReference(text)
    const { digest } = reference
    if (digest === undefined) return this.#withName(formatReference(reference))
    const repository = `${reference.registry}/${reference.repository}`
    return this.all().find(
      ({ digests, names }) =>
        digests.includes(digest) &&
        names.some((name) => name.startsWith(`${repository}:`) || name.startsWith(`${repository}@`)),
    )
  }

  // The common case reads one manifest and one configuration, not those of all images.
  #withName(name: string): StoredImage | undefined {
    if (this.#images) return this.#images.find(({ names }) => names.includes(name))
    const entries = this.#index.read()
    const entry = entries.find((each) => each.name === name)
    if (!entry) return this.all().find(({ names }) => names.includes(name))
    return this.#load(
      entries.filter(({ original }) => original.digest === entry.original.digest),
      [],
    )[0]
  }

  #byId(text: string, beginning: string): StoredImage | undefined {
    const matches = (digest: string): boolean => digest.startsWith(`sha256:${beginning}`)
    const found = this.all().filter(({ id, digests }) => matches(id) || digests.some(matches))
    if (new Set(found.map(({ id }) => id)).size <= 1) return found[0]
    throw new AirplantError({
      code: 'ERR_INVALID_REFERENCE',
      message: `Cannot tell which image ${quoteBriefly(text)} is: ${found.length} begin so`,
      hint: 'Give more digits of the ID',
    })
  }

  #load(entries: readonly IndexEntry[], records: readonly SnapshotRecord[]): StoredImage[] {
    const groups = new Map<string, IndexEntry[]>()
    for (const entry of entries) {
      const group = groups.get(entry.original.digest)
      if (group) group.push(entry)
      else groups.set(entry.original.digest, [entry])
    }
    const stored = [...groups.values()].flatMap((group) => {
      const content = this.#content(group[0]!.original)
      return content ? [withNames(content, group)] : []
    })
    return [...stored, ...records.map(fromRecord)]
  }

  #content(original: Descriptor): Content | undefined {
    const { digest, mediaType } = original
    // `skopeo copy --all` puts whole indexes into a layout, which are not for one platform.
    if (mediaType !== mediaTypes.ociManifest && mediaType !== mediaTypes.dockerManifest) return undefined
    if (!this.#contents.has(digest)) this.#contents.set(digest, this.#read(original))
    return this.#contents.get(digest)
  }

  #read({ digest, mediaType }: Descriptor): Content | undefined {
    try {
      const manifest = parseManifest(readFileSync(this.#blobs.path(digest)), mediaType)
      if (manifest.kind !== 'manifest') return undefined
      const config = parseImageConfig(readFileSync(this.#blobs.path(manifest.config.digest)))
      return { id: manifest.config.digest, manifest, config }
    } catch {
      return undefined
    }
  }
}

function withNames({ id, manifest, config }: Content, group: readonly IndexEntry[]): StoredImage {
  const { original } = group[0]!
  const indexes = group.flatMap(({ index }) => (index === undefined ? [] : [index]))
  const twins = group.map(({ descriptor }) => descriptor.digest).filter((digest) => digest !== original.digest)
  return {
    id,
    config,
    manifest,
    layers: config.diffIds,
    descriptor: { mediaType: original.mediaType, digest: original.digest, size: original.size },
    names: group.flatMap(({ name }) => (name === undefined ? [] : [name])),
    checked: new Map(
      group.flatMap(({ name, checked }) => (name === undefined || checked === undefined ? [] : [[name, checked]])),
    ),
    digests: [...new Set([...twins, original.digest, ...indexes])],
    snapshot: undefined,
  }
}

function fromRecord(record: SnapshotRecord): StoredImage {
  const config = parseImageConfig(Buffer.from(record.config), { snapshots: true })
  const { id, layers, names } = record
  const unknown = { descriptor: undefined, manifest: undefined, checked: new Map<string, number>(), digests: [] }
  return { id, config, layers, names, ...unknown, snapshot: record }
}
