import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ImageConfig, LocalImage, UnpackedLayer } from '../../src/index.ts'

/** An image's configuration that says nothing but what is given. */
export function imageConfig(config: Partial<ImageConfig> = {}): ImageConfig {
  return {
    platform: { os: 'linux', architecture: 'amd64' },
    created: undefined,
    author: undefined,
    env: [],
    entrypoint: [],
    cmd: [],
    user: '',
    workdir: '',
    exposedPorts: [],
    volumes: [],
    stopSignal: undefined,
    healthcheck: undefined,
    shell: [],
    labels: {},
    diffIds: [],
    history: [],
    document: {},
    ...config,
  }
}

/** An image made of directories, lowest first, without a store. */
export function localImage(
  directories: readonly string[],
  config: Partial<ImageConfig> = {},
  layer: Partial<UnpackedLayer> = {},
): LocalImage {
  return {
    id: `sha256:${'0123456789ab'.padEnd(64, '0')}`,
    digest: undefined,
    config: imageConfig(config),
    layers: directories.map((directory, index) => ({
      ...{ key: `test:${index}`, directory, rootMode: undefined, markedByFiles: false, ...layer },
    })),
  }
}

/** A layer's directory, for tests. */
export interface TinyLayer extends Disposable {
  readonly path: string
  write(path: string, content: string, mode?: number): TinyLayer
  /** Hides what lower layers have there. */
  whiteout(path: string): TinyLayer
  /** A directory that hides what lower layers have in it. */
  opaque(path: string): TinyLayer
}

/** Makes an empty layer. Whiteouts need no privilege since Linux 5.8. */
export function tinyLayer(parent: string = tmpdir()): TinyLayer {
  const path = mkdtempSync(join(parent, 'airplant-layer-'))
  chmodSync(path, 0o755)
  const layer: TinyLayer = {
    path,
    write(name, content, mode = 0o644) {
      const file = join(path, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
      chmodSync(file, mode)
      return layer
    },
    whiteout(name) {
      mkdirSync(dirname(join(path, name)), { recursive: true })
      execFileSync('mknod', [join(path, name), 'c', '0', '0'])
      return layer
    },
    opaque(name) {
      mkdirSync(join(path, name), { recursive: true })
      const script = 'import os, sys; os.setxattr(sys.argv[1], "user.overlay.opaque", b"y")'
      execFileSync('python3', ['-c', script, join(path, name)])
      return layer
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
  return layer
}
