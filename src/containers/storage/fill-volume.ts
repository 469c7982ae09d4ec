import { join } from 'node:path'
import type { ImageStore } from '../../images/store/image-store.ts'
import type { FileTarget } from '../../rootless/files/file-target.ts'
import { FileWorker } from '../../rootless/files/file-worker.ts'
import type { Session } from '../../rootless/session.ts'
import { copyTree } from './copy-tree.ts'
import { mergeLayers } from './merge-layers.ts'

/** What a new volume is filled from. */
export interface VolumeSource {
  readonly session: Session
  readonly store: ImageStore
  /** Layers, top first. */
  readonly lowers: readonly string[]
  /** Whether the kernel can show them as one tree. */
  readonly canMount: boolean
  /** Where the volume will be in the container. */
  readonly target: string
}

/**
 * Copies what an image has in the place of a volume into the volume's directory, which becomes like that of the image. Nothing where the
 * image has no directory there.
 */
export async function fillVolume(source: VolumeSource, directory: string): Promise<void> {
  const { session, store, lowers, canMount } = source
  const [first = ''] = lowers
  if (lowers.length === 1 || canMount) {
    const root =
      lowers.length === 1 ? ({ kind: 'directory', path: first } as const) : ({ kind: 'overlay', lowers } as const)
    await copyFrom(root, source, directory)
    return
  }
  const { temporary } = store.context
  const shell = await temporary.make()
  try {
    const path = join(shell, 'root')
    temporary.makeDirectory(path, 0o755)
    await mergeLayers(session, lowers, path)
    await copyFrom({ kind: 'directory', path }, source, directory)
  } finally {
    await temporary.remove(shell)
  }
}

async function copyFrom(root: FileTarget, { session, target }: VolumeSource, directory: string): Promise<void> {
  await using source = await FileWorker.start(session, root)
  const reading = await source.connect()
  try {
    const path = target.replace(/^\/+/, '')
    const found = await reading.stat(path, { follow: true })
    if (found?.kind !== 'directory') return
    await using volume = await FileWorker.start(session, { kind: 'directory', path: directory })
    const writing = await volume.connect()
    try {
      // The slash: a link in the image is followed.
      await copyTree(reading, `${path}/`, writing, { raw: false, root: true })
    } finally {
      writing.close()
    }
  } finally {
    reading.close()
  }
}
