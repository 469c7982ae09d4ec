import { createHash } from 'node:crypto'
import type { Descriptor } from '../../../src/images/descriptor.ts'
import { mediaTypes } from '../../../src/images/media-types.ts'
import { parseReference, type Reference } from '../../../src/images/reference.ts'
import { noRegistriesConfig } from '../../../src/images/registry/registries-config.ts'
import { RegistryClient, type RegistryClientOptions } from '../../../src/images/registry/registry-client.ts'

/** A client that knows nobody and does not wait long between its tries. */
export function quickClient(options: Partial<RegistryClientOptions> = {}): RegistryClient {
  return new RegistryClient({
    env: {},
    config: noRegistriesConfig,
    findCredentials: async () => undefined,
    firstDelay: 1,
    ...options,
  })
}

export function named(host: string, name = 'team/app:1'): Reference {
  return parseReference(`${host}/${name}`)
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export function descriptorOf(bytes: Buffer, mediaType: string = mediaTypes.ociConfig): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

export const someManifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest }))

export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** What a promise was rejected with. */
export async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('Nothing was thrown')
    },
    (error: unknown) => error,
  )
}
