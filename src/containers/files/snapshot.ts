import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { ImageConfig, LocalImage, UnpackedLayer } from '../../images/image.ts'
import { hostPlatform } from '../../images/platform.ts'
import { removeByKeeper } from '../../rootless/host-files.ts'
import type { ContainerFiles } from './container-files.ts'
import { keepsNothing } from './container-files.ts'
import { layerFromUpper } from './layer-from-upper.ts'

/** An image that lives as long as its session, or until it is disposed. */
export interface Snapshot extends LocalImage, AsyncDisposable {}

/**
 * Makes an image of a stopped container: its upper directory becomes a layer by a rename. The container can still be read and copied to.
 *
 * @throws {AirplantError} `ERR_NOT_RUNNING` (the host image), `ERR_DISK_FULL` (storage drivers other than overlay)
 */
export async function snapshot(files: ContainerFiles): Promise<Snapshot> {
  const { root, session } = files
  if (!root) throw keepsNothing(files, 'make a snapshot of')
  const key = randomBytes(12).toString('hex')
  const place = join(session.directory, 'snapshots', key)
  const directory = join(place, 'fs')
  const layer: UnpackedLayer = { key: `snapshot:${key}`, directory, rootMode: root.mode, markedByFiles: false }
  const { isWhole } = await layerFromUpper(files, layer)
  return {
    id: layer.key,
    digest: undefined,
    config: root.image?.config ?? emptyConfig(),
    layers: isWhole ? [layer] : [...baseLayers(root.image, root.lowers), layer],
    [Symbol.asyncDispose]: () => removeByKeeper(session, place),
  }
}

/** The layers below, lowest first; a plain directory counts as one. */
function baseLayers(image: LocalImage | undefined, lowers: readonly string[]): readonly UnpackedLayer[] {
  const known = new Map(image?.layers.map((layer) => [layer.directory, layer]))
  return lowers
    .toReversed()
    .map(
      (directory) =>
        known.get(directory) ?? { key: `directory:${directory}`, directory, rootMode: undefined, markedByFiles: false },
    )
}

function emptyConfig(): ImageConfig {
  return {
    ...{ platform: hostPlatform(), created: undefined, author: undefined, env: [], entrypoint: [], cmd: [], user: '' },
    ...{ workdir: '', exposedPorts: [], volumes: [], stopSignal: undefined, healthcheck: undefined, shell: [] },
    ...{ labels: {}, diffIds: [], history: [], document: {} },
  }
}
