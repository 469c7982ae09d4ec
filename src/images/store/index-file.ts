import { readFileSync, statSync } from 'node:fs'
import type { Descriptor } from '../descriptor.ts'
import { isDigest } from '../digest.ts'
import { JsonFields } from '../json-fields.ts'
import { readDescriptor } from '../manifest.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { StoreContext } from './store-context.ts'
import { damaged } from './store-error.ts'

/** The keys of an entry's annotations. */
const annotationKeys = {
  /** Of the OCI image layout: the image's full name. */
  name: 'org.opencontainers.image.ref.name',
  /** Digest, media type and size of the manifest as the registry has it, when it had to be converted for this layout. */
  originalDigest: 'dev.airplant.original.digest',
  originalType: 'dev.airplant.original.media-type',
  originalSize: 'dev.airplant.original.size',
  /** Digest of the index from which it was chosen. */
  index: 'dev.airplant.index.digest',
  /** When its registry said last that this is what the name stands for, RFC 3339. */
  checked: 'dev.airplant.checked',
} as const

/** An entry of the layout's `index.json`. */
export interface IndexEntry {
  /** Of the manifest in the layout. */
  readonly descriptor: Descriptor
  /** The manifest that registries know; the same unless it was converted. */
  readonly original: Descriptor
  /** Full name, `'docker.io/library/postgres:17'`, undefined when another image took it. */
  readonly name: string | undefined
  /** Digest of the index that the name stood for when it was pulled. */
  readonly index: string | undefined
  /** When its registry said so last, in ms since 1970; undefined when none did. */
  readonly checked: number | undefined
  /** As it is in the file, with what others wrote into it. */
  readonly document: Readonly<Record<string, unknown>>
}

/** How large the file may be; an entry has about 500 bytes. */
const LARGEST = 64 * 1024 ** 2

/** `oci/index.json`: which images the store has, and their names. */
export class IndexFile {
  readonly #context: StoreContext
  #known: { readonly identity: string; readonly entries: readonly IndexEntry[] } | undefined

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Other after each change, also by other processes. */
  get identity(): string {
    const { ino, mtimeNs, size } = statSync(this.#context.layout.index, { bigint: true })
    return `${ino}/${mtimeNs}/${size}`
  }

  /** @throws {AirplantError} `ERR_STORE` when it is damaged */
  read(): readonly IndexEntry[] {
    const { index } = this.#context.layout
    try {
      const { identity } = this
      if (this.#known?.identity === identity) return this.#known.entries
      const fields = JsonFields.parse(readFileSync(index), 'the index', LARGEST)
      const entries = (fields.list('manifests', 100_000) ?? []).map(readEntry)
      this.#known = { identity, entries }
      return entries
    } catch (cause) {
      throw damaged(index, (cause as Error).message.split('\n')[0] ?? '', cause)
    }
  }

  /**
   * Changes it under the lock `index`. What the function reads and writes of the store otherwise is under the same lock.
   *
   * @param change gives the new entries, or undefined when nothing changes
   */
  async change(
    change: (
      entries: readonly IndexEntry[],
    ) => readonly IndexEntry[] | undefined | Promise<readonly IndexEntry[] | undefined>,
  ): Promise<void> {
    await this.#context.withLock('index', {}, async () => {
      const entries = await change(this.read())
      if (!entries) return
      const document = { schemaVersion: 2, manifests: entries.map((entry) => entry.document) }
      this.#context.temporary.replaceFile(this.#context.layout.index, JSON.stringify(document), { sync: true })
    })
  }
}

/** Makes an entry. @param original when the descriptor is of a converted manifest */
export function makeEntry(init: {
  readonly descriptor: Descriptor
  readonly original: Descriptor
  readonly name: string | undefined
  readonly index: string | undefined
  readonly checked?: number | undefined
}): IndexEntry {
  const { descriptor, original, name, index, checked } = init
  const isConverted = descriptor.digest !== original.digest
  const annotations = {
    ...descriptor.annotations,
    ...(name !== undefined && { [annotationKeys.name]: name }),
    ...(index !== undefined && { [annotationKeys.index]: index }),
    ...(checked !== undefined && { [annotationKeys.checked]: new Date(checked).toISOString() }),
    ...(isConverted && {
      [annotationKeys.originalDigest]: original.digest,
      [annotationKeys.originalType]: original.mediaType,
      [annotationKeys.originalSize]: String(original.size),
    }),
  }
  const { mediaType, digest, size, platform } = descriptor
  return { ...init, checked, document: { mediaType, digest, size, ...(platform && { platform }), annotations } }
}

/** The same entry under another name, or none. */
export function renameEntry(entry: IndexEntry, name: string | undefined): IndexEntry {
  const annotations = { ...(entry.document['annotations'] as Record<string, string> | undefined) }
  delete annotations[annotationKeys.name]
  delete annotations[annotationKeys.checked]
  if (name !== undefined) annotations[annotationKeys.name] = name
  return { ...entry, name, checked: undefined, document: { ...entry.document, annotations } }
}

function readEntry(fields: JsonFields): IndexEntry {
  const descriptor = readDescriptor(fields)
  const annotations = descriptor.annotations ?? {}
  const index = annotations[annotationKeys.index]
  return {
    descriptor,
    original: readOriginal(annotations) ?? descriptor,
    name: fullName(annotations[annotationKeys.name]),
    index: isDigest(index) ? index : undefined,
    checked: readTime(annotations[annotationKeys.checked]),
    document: fields.object,
  }
}

// Other tools write into this layout too, and the specification allows any name.
function fullName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  try {
    return formatReference(parseReference(name))
  } catch {
    return undefined
  }
}

function readTime(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : time
}

function readOriginal(annotations: Readonly<Record<string, string>>): Descriptor | undefined {
  const [digest, mediaType] = [annotations[annotationKeys.originalDigest], annotations[annotationKeys.originalType]]
  const size = Number(annotations[annotationKeys.originalSize])
  return isDigest(digest) && mediaType !== undefined && Number.isSafeInteger(size)
    ? { mediaType, digest, size }
    : undefined
}
