import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { IdMapping } from '../../rootless/ids/id-mapping.ts'
import { mapText } from '../../rootless/ids/id-mapping.ts'

/** Paths of a store, all absolute. */
export interface StoreLayout {
  readonly home: string
  readonly version: string
  /** An OCI image layout. */
  readonly oci: string
  readonly index: string
  readonly blobs: string
  /** Directories of unpacked layers; owners on disk depend on the ID mapping, so each mapping has its own. */
  readonly layers: string
  /** Name of the mapping. */
  readonly mapping: string
  /** Records of snapshots. */
  readonly images: string
  readonly volumes: string
  readonly containers: string
  readonly tmp: string
  readonly locks: string
  readonly uses: string
}

/** Where a store has what. */
export function storeLayout(home: string, mapping: IdMapping): StoreLayout {
  const oci = join(home, 'oci')
  const name = mappingName(mapping)
  return {
    home,
    version: join(home, 'store.json'),
    oci,
    index: join(oci, 'index.json'),
    blobs: join(oci, 'blobs'),
    layers: join(home, 'layers', name),
    mapping: name,
    images: join(home, 'images'),
    volumes: join(home, 'volumes'),
    containers: join(home, 'containers'),
    tmp: join(home, 'tmp'),
    locks: join(home, 'locks'),
    uses: join(home, 'uses'),
  }
}

/**
 * A mapping as a directory's name: equal for equal mappings. The usual one, the user and one range, is readable.
 *
 * @example
 * mappingName(session.mapping) // 'ids-1001-100000'
 */
export function mappingName(mapping: IdMapping): string {
  if (mapping.method === 'single') return 'single'
  const { uids, gids } = mapping
  const [root, range] = uids
  const isUsual = uids.length === 2 && gids.length === 2 && range!.count === 65_536 && mapText(uids) === mapText(gids)
  if (root && range && isUsual) return `ids-${root.outside}-${range.outside}`
  const hash = createHash('sha256')
    .update(`${mapText(uids)}/${mapText(gids)}`)
    .digest('hex')
  return `ids-${mapping.rootUid}-${hash.slice(0, 12)}`
}
