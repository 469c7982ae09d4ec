import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalImage } from '../../src/images/image.ts'
import type { ProgressEvent } from '../../src/images/progress.ts'
import { ensureImage, type EnsureOptions } from '../../src/images/pull.ts'
import { pullImage } from '../../src/images/pull-image.ts'
import { ImageStore } from '../../src/images/store/image-store.ts'
import { removeByKeeper } from '../../src/rootless/host-files.ts'
import { Session } from '../../src/rootless/session.ts'
import { ImageRegistry } from './image-registry.ts'

/** A session, a registry of this process, and as many stores as a test wants. */
export class PullBench implements AsyncDisposable {
  readonly session: Session
  readonly registry: ImageRegistry
  readonly path: string
  #stores = 0

  private constructor(session: Session, registry: ImageRegistry, path: string) {
    this.session = session
    this.registry = registry
    this.path = path
  }

  static async start(): Promise<PullBench> {
    const path = mkdtempSync(join(tmpdir(), 'airplant-pull-'))
    // Real root's containers have another user, who has to get to the store.
    chmodSync(path, 0o755)
    return new PullBench(await Session.start(), await ImageRegistry.start(), path)
  }

  /** An empty store, with the environment that leads to it and to nobody's credentials. */
  fresh(env: NodeJS.ProcessEnv = {}): PullStore {
    const home = join(this.path, `store-${++this.#stores}`)
    return new PullStore(this.session, this.environment(home, env))
  }

  /** What a process of this bench needs of its environment. */
  environment(home: string, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const config = join(this.path, 'config')
    mkdirSync(config, { recursive: true })
    return { PATH: process.env['PATH'], HOME: this.path, XDG_CONFIG_HOME: config, AIRPLANT_HOME: home, ...env }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of readdirSync(this.path).filter((each) => each.startsWith('store-'))) {
      // Real root may delete everybody's files, and the keeper not root's.
      if (process.getuid?.() !== 0) await removeByKeeper(this.session, join(this.path, name))
    }
    await this.session[Symbol.asyncDispose]()
    await this.registry[Symbol.asyncDispose]()
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** A store of a {@link PullBench}. */
export class PullStore {
  readonly session: Session
  readonly env: NodeJS.ProcessEnv
  readonly home: string
  readonly events: ProgressEvent[] = []

  constructor(session: Session, env: NodeJS.ProcessEnv) {
    this.session = session
    this.env = env
    this.home = env['AIRPLANT_HOME']!
  }

  get store(): ImageStore {
    return ImageStore.of(this.session, this.env)
  }

  pull(name: string, options: Partial<EnsureOptions> = {}): Promise<LocalImage> {
    return pullImage(name, { ...this.#options(), ...options })
  }

  ensure(source: Parameters<typeof ensureImage>[0], options: Partial<EnsureOptions> = {}): Promise<LocalImage> {
    return ensureImage(source, { ...this.#options(), ...options })
  }

  /** All files but locks and the records of who lives, with their sizes. */
  listing(): string[] {
    return list(this.home).filter((line) => !/^(locks|uses)\//.test(line))
  }

  /** What is in its directory for what is not finished. */
  temporary(): string[] {
    return list(join(this.home, 'tmp'))
  }

  #options(): EnsureOptions {
    return { session: this.session, env: this.env, onProgress: (event) => void this.events.push(event) }
  }
}

/** Paths below a directory with the sizes of files. */
export function list(directory: string, prefix = ''): string[] {
  return readdirSync(directory).flatMap((name) => {
    const stat = lstatSync(join(directory, name))
    const path = `${prefix}${name}`
    return stat.isDirectory() ? [`${path}/`, ...list(join(directory, name), `${path}/`)] : [`${path} ${stat.size}`]
  })
}
