import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../src/images/descriptor.ts'
import { mediaTypes } from '../../src/images/media-types.ts'
import { parseReference } from '../../src/images/reference.ts'
import type { ImageStore } from '../../src/images/store/image-store.ts'
import type { LayerFacts } from '../../src/images/store/layer-record.ts'

/** A blob that a registry could have. */
export interface MadeBlob extends Descriptor {
  readonly bytes: Buffer
}

/** An image that is not in any store yet. */
export interface MadeImage {
  readonly manifest: MadeBlob
  readonly config: MadeBlob
  readonly layers: readonly (MadeBlob & { readonly diffId: string; readonly content: string })[]
}

/** Facts of a layer with one small file. */
export const smallFacts: LayerFacts = { bytes: 5, entries: 1, rootMode: 0o755, markedByFiles: false, devices: [] }

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function blob(mediaType: string, bytes: Buffer): MadeBlob {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes }
}

/**
 * Makes an image whose layers have one file each, packed by tar.
 *
 * @param contents what the file of each layer holds, lowest first @param kind whose media types it has
 */
export function makeImage(contents: readonly string[], kind: 'docker' | 'oci' = 'oci', config: object = {}): MadeImage {
  const isDocker = kind === 'docker'
  const layers = contents.map((content) => {
    const tar = tarOf(content)
    const type = isDocker
      ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
      : 'application/vnd.oci.image.layer.v1.tar+gzip'
    return { ...blob(type, gzipSync(tar)), diffId: digestOf(tar), content }
  })
  const document = {
    architecture: 'amd64',
    os: 'linux',
    created: '2024-01-02T03:04:05Z',
    config: { Cmd: ['true'], ...config },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: 'a test' })),
  }
  const configBlob = blob(
    isDocker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    Buffer.from(JSON.stringify(document)),
  )
  const mediaType = isDocker ? mediaTypes.dockerManifest : mediaTypes.ociManifest
  const short = ({ mediaType: type, digest, size }: Descriptor): Descriptor => ({ mediaType: type, digest, size })
  const manifest = { schemaVersion: 2, mediaType, config: short(configBlob), layers: layers.map(short) }
  return { manifest: blob(mediaType, Buffer.from(JSON.stringify(manifest))), config: configBlob, layers }
}

/** Brings an image into a store as a pull does. */
export async function storeImage(store: ImageStore, name: string, image: MadeImage, index?: string): Promise<void> {
  await store.withLock('collect', { shared: true }, async () => {
    for (const each of [image.config, ...image.layers]) await store.blobs.write(each, () => streamOf(each.bytes))
    await store.blobs.put(image.manifest.digest, image.manifest.bytes)
    for (const { diffId, content } of image.layers) {
      await store.layers.create(diffId, async (directory) => {
        writeFileSync(join(directory, 'file'), content)
        return smallFacts
      })
    }
    const { mediaType, digest, size } = image.manifest
    await store.tag(parseReference(name), { mediaType, digest, size }, { index })
  })
}

/** Bytes as a registry sends them: in pieces. */
export async function* streamOf(bytes: Uint8Array, piece = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) {
    await Promise.resolve()
    yield bytes.subarray(at, at + piece)
  }
}

function tarOf(content: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-tar-'))
  try {
    writeFileSync(join(directory, 'file'), content)
    const archive = join(directory, 'layer.tar')
    execFileSync('tar', ['--mtime=@0', '--owner=0', '--group=0', '-C', directory, '-cf', archive, 'file'])
    return readFileSync(archive)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
