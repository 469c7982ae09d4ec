import { chownSync, existsSync, readFileSync } from 'node:fs'
import { readHostResolvers } from './names/host-resolvers.ts'
import { namePaths } from './name-paths.ts'
import type { NamePaths } from './names/name-server.ts'
import { NameServer } from './names/name-server.ts'
import { Network } from './network.ts'
import { listRecords } from './network-record.ts'
import { viewOf } from './network-zone.ts'

/** Answers for one network, in the process that came first; another takes its place when that ends. */
export class NamesService implements AsyncDisposable {
  readonly #network: Network
  readonly #closing = new AbortController()
  #server: NameServer | undefined

  constructor(network: Network) {
    this.#network = network
  }

  /** Begins to answer, or to wait for its turn. */
  async start(): Promise<void> {
    const paths = namePaths(this.#network.session.directory, this.#network.id)
    if (await this.#listen(paths)) return
    void this.#succeed(paths).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#server?.[Symbol.asyncDispose]()
  }

  async #succeed(paths: NamePaths): Promise<void> {
    do await NameServer.whenFree(paths, this.#closing.signal)
    while (existsSync(this.#network.paths.record) && !(await this.#listen(paths)))
  }

  async #listen(paths: NamePaths): Promise<boolean> {
    // Of an internal network's members those ask them that have a way out by another one.
    const { resolvers } = readHostResolvers(resolvConf())
    const view = (client: string): ReturnType<typeof viewOf> => viewOf(client, this.#network, () => this.#all())
    this.#server = await NameServer.listen({ ...paths, view, resolvers })
    if (this.#server) this.#giveToKeeper(paths)
    if (this.#closing.signal.aborted) await this.#server?.[Symbol.asyncDispose]()
    return this.#server !== undefined || this.#closing.signal.aborted
  }

  /** Real root's keeper is somebody else, who may connect only to what is its own. */
  #giveToKeeper({ udpPath, tcpPath }: NamePaths): void {
    const { rootUid, rootGid } = this.#network.session.mapping
    if (rootUid === process.geteuid?.()) return
    for (const path of [udpPath, tcpPath]) chownSync(path, rootUid, rootGid)
  }

  #all(): Network[] {
    const { session } = this.#network
    return listRecords(session.directory).map((record) => new Network(record, session))
  }
}

function resolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    return ''
  }
}
