import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ImageStore } from '../../src/images/store/image-store.ts'
import { Session } from '../../src/rootless/session.ts'
import { removeByKeeper } from '../../src/rootless/host-files.ts'
import { sha256 } from './layers.ts'
import { tarArchive, tarFile } from './tar-builder.ts'

/** A session with an empty store, and a directory for files of a test. */
export class ImageBench implements AsyncDisposable {
  readonly session: Session
  readonly store: ImageStore
  readonly path: string
  readonly env: NodeJS.ProcessEnv

  private constructor(session: Session, path: string) {
    this.session = session
    this.path = path
    this.env = { ...process.env, AIRPLANT_HOME: join(path, 'store') }
    this.store = ImageStore.of(session, this.env)
  }

  static async start(): Promise<ImageBench> {
    const path = mkdtempSync(join(tmpdir(), 'airplant-images-'))
    // Real root's containers have another user, who has to get to the store.
    chmodSync(path, 0o755)
    return new ImageBench(await Session.start(), path)
  }

  file(name: string): string {
    return join(this.path, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Real root may delete everybody's files, and the keeper not root's.
    if (process.getuid?.() !== 0) await removeByKeeper(this.session, join(this.path, 'store'))
    await this.session[Symbol.asyncDispose]()
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** A configuration with these layers. */
export function configOf(diffIds: readonly string[], config: object = {}): Buffer {
  const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }
  return Buffer.from(JSON.stringify({ ...platform, config, rootfs: { type: 'layers', diff_ids: diffIds } }))
}

/** What `docker save` writes, the documents last; `change` may spoil it. */
export function dockerArchive(
  layers: readonly Buffer[],
  change: { tags?: string[]; config?: Buffer; configName?: string; paths?: string[] } = {},
): Buffer {
  const config = change.config ?? configOf(layers.map(sha256))
  const configName = change.configName ?? `${sha256(config).slice(7)}.json`
  const paths = change.paths ?? layers.map((layer) => `${sha256(layer).slice(7)}/layer.tar`)
  const manifest = [{ Config: configName, RepoTags: change.tags ?? ['made/by-hand:1'], Layers: paths }]
  return tarArchive(
    ...layers.map((layer) => tarFile(`${sha256(layer).slice(7)}/layer.tar`, layer)),
    tarFile(configName, config),
    tarFile('manifest.json', JSON.stringify(manifest)),
  )
}
