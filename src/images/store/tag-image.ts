import { readFileSync } from 'node:fs'
import { AirplantError } from '../../errors.ts'
import type { Descriptor } from '../descriptor.ts'
import { parseManifest } from '../manifest.ts'
import { quoteBriefly } from '../quote-briefly.ts'
import type { Reference } from '../reference.ts'
import { formatReference, parseReference } from '../reference.ts'
import type { ImageStore } from './image-store.ts'
import type { IndexEntry } from './index-file.ts'
import { makeEntry, renameEntry } from './index-file.ts'
import { ociTwin } from './oci-twin.ts'
import { damaged } from './store-error.ts'

/** What is known of a name, besides its image. */
export interface TagOptions {
  /** Digest of the index from which the image was chosen. */
  readonly index?: string | undefined
  /** When the name's registry said that this is its image, in ms since 1970. */
  readonly checked?: number | undefined
}

/** @see ImageStore.tag */
export async function tagManifest(
  store: ImageStore,
  reference: Reference,
  descriptor: Descriptor,
  { index, checked }: TagOptions = {},
): Promise<void> {
  const { mediaType, digest, size } = descriptor
  const bytes = readFileSync(store.blobs.path(digest))
  checkComplete(store, bytes, mediaType)
  const twin = ociTwin(bytes, mediaType)
  if (twin) await store.blobs.put(twin.descriptor.digest, twin.bytes)
  const name = nameOf(reference)
  const original = { mediaType, digest, size }
  const entry = makeEntry({ descriptor: twin?.descriptor ?? original, original, name, index, checked })
  await store.index.change((entries) => {
    takeFromSnapshots(store, name)
    // The same manifest may have been there under the digest alone, of a name that was taken from it.
    const isSpare = ({ name: other, original: of }: IndexEntry): boolean =>
      of.digest === digest &&
      (other === undefined || (other.includes('@') && repositoryOf(other) === repositoryOf(name)))
    const others = withoutName(entries, name).filter((each) => !isSpare(each))
    return [...others, entry]
  })
}

/** Keeps an image, whose blobs are all there, that has no name; one that has a name already stays as it is. */
export async function keepManifest(store: ImageStore, descriptor: Descriptor): Promise<void> {
  const { mediaType, digest, size } = descriptor
  const bytes = readFileSync(store.blobs.path(digest))
  checkComplete(store, bytes, mediaType)
  const twin = ociTwin(bytes, mediaType)
  if (twin) await store.blobs.put(twin.descriptor.digest, twin.bytes)
  const original = { mediaType, digest, size }
  const entry = makeEntry({ descriptor: twin?.descriptor ?? original, original, name: undefined, index: undefined })
  await store.index.change((entries) =>
    entries.some((each) => each.original.digest === digest) ? undefined : [...entries, entry],
  )
}

/** @see ImageStore.name */
export async function nameImage(store: ImageStore, image: string, text: string): Promise<void> {
  const reference = parseReference(text)
  if (reference.digest !== undefined) throw invalidName(text)
  const name = formatReference(reference)
  await store.index.change((entries) => {
    const { snapshot, descriptor, names } = store.require(image)
    if (names.includes(name)) return undefined
    takeFromSnapshots(store, name)
    const others = withoutName(entries, name)
    if (snapshot) {
      store.records.write({ ...snapshot, names: [...names, name] })
      return others
    }
    const source = entries.find(({ original }) => original.digest === descriptor!.digest)!
    const isNameless = others.filter((each) => each.original.digest !== descriptor!.digest || each.name !== undefined)
    return [...isNameless, renameEntry(source, name)]
  })
}

/** The entries without a name; the image that had it stays, without a tag. */
export function withoutName(entries: readonly IndexEntry[], name: string): IndexEntry[] {
  return entries.flatMap((entry) => {
    if (entry.name !== name) return [entry]
    const { digest } = entry.original
    const hasOther = entries.some((each) => each !== entry && each.original.digest === digest)
    return hasOther ? [] : [renameEntry(entry, `${repositoryOf(name)}@${digest}`)]
  })
}

/** Takes a name from the snapshot that has it. The lock `index` is held, and `index.json` is written after. */
export function takeFromSnapshots(store: ImageStore, name: string): void {
  for (const record of store.records.read()) {
    if (!record.names.includes(name)) continue
    store.records.write({ ...record, names: record.names.filter((each) => each !== name) })
  }
}

/** A full name without tag and digest. */
export function repositoryOf(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
}

function nameOf({ registry, repository, tag, digest }: Reference): string {
  return formatReference({ registry, repository, ...(digest === undefined ? { tag } : { digest }) })
}

// An image in the index has all its blobs; whoever finds it relies on that.
function checkComplete(store: ImageStore, bytes: Uint8Array, mediaType: string): void {
  const manifest = parseManifest(bytes, mediaType)
  if (manifest.kind !== 'manifest') throw damaged('index.json', 'an index of several platforms is no image')
  for (const { digest, size } of [manifest.config, ...manifest.layers]) {
    if (!store.blobs.has(digest, size)) throw damaged(store.blobs.path(digest), 'the image that is named now needs it')
  }
}

function invalidName(text: string): AirplantError {
  return new AirplantError({
    code: 'ERR_INVALID_REFERENCE',
    message: `Cannot name an image ${quoteBriefly(text)}: it has a digest, which nobody chooses`,
    hint: 'Leave out what begins with "@"',
  })
}
