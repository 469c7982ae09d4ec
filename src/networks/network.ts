import { existsSync, rmSync } from 'node:fs'
import { AirplantError } from '../errors.ts'
import type { Session } from '../rootless/session.ts'
import { AddressPool } from './addresses/claim-address.ts'
import { formatIp, parseIp } from '../rootless/ip-address.ts'
import type { IpAddress } from '../rootless/ip-address.ts'
import { counterpart, parseSubnet } from './addresses/subnet.ts'
import type { Subnet } from './addresses/subnet.ts'
import type { NamesService } from './names-service.ts'
import type { Egress } from './egress/egress.ts'
import { networkBrand } from './is-network.ts'
import { Members } from './members.ts'
import type { Claims } from './members.ts'
import { checkFixedAddress, checkName } from './network-options.ts'
import type { NetworkRecord } from './network-record.ts'
import { forgetNetwork, networkPaths } from './network-record.ts'
import type { NetworkPaths } from './network-record.ts'

/** How a container is on a network. */
export interface JoinOptions {
  /** More names by which the other members find it; several containers may share one. */
  readonly aliases?: readonly string[]
  /** A fixed IPv4 address of the subnet. @default a free one */
  readonly ip?: string
  /** A fixed IPv6 address of the subnet. @default a free one */
  readonly ip6?: string
}

/** A container that wants to join. */
export interface Joiner {
  readonly id: string
  readonly name: string | undefined
  /** Of its interface there, `eth` and this number. */
  readonly number: number
}

/** A container's place on a network. */
export interface Membership {
  readonly network: Network
  readonly ip: IpAddress
  readonly ip6: IpAddress | undefined
  readonly aliases: readonly string[]
  /** Of its interface there. */
  readonly number: number
  readonly claims: Claims
  /** State of the names when it joined. */
  readonly seen: string
}

/** A member as it is shown. */
export interface NetworkMember {
  readonly container: string
  readonly name: string | undefined
  readonly aliases: readonly string[]
  readonly ip: string
  readonly ip6: string | undefined
}

/** What can be connected: a container of this process. */
export interface Connectable {
  connect(network: Network, options?: JoinOptions): Promise<void>
  disconnect(network: Network): Promise<void>
}

/**
 * A network of containers: they reach each other, by address and by name, and nobody else reaches them but by published ports. It lives
 * until it is disposed or its session ends.
 *
 * @example
 * await using network = await createNetwork()
 * await using db = await withContainer({ image: 'postgres:17', network, name: 'db' })
 * await using app = await withContainer({ image: 'app', network, env: { DB: 'postgres://db' } })
 */
export class Network implements AsyncDisposable {
  /** Twelve hexadecimal digits. */
  readonly id: string
  readonly name: string
  /** `'10.89.0.0/24'` */
  readonly subnet: string
  /** Address of the network itself, where its names are told by DNS. */
  readonly gateway: string
  readonly subnet6: string | undefined
  readonly gateway6: string | undefined
  /** Whether there is no way out. */
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly created: string
  /** The keeper's handle of its process. @internal */
  readonly handle: number
  /** @internal */
  readonly session: Session
  /** @internal */
  readonly members: Members
  /** @internal */
  readonly paths: NetworkPaths
  /** @internal */
  readonly [networkBrand] = true
  readonly #subnet: Subnet
  readonly #subnet6: Subnet | undefined
  readonly #addresses: AddressPool
  #egress: Egress | undefined
  #names: NamesService | undefined
  #removal: Promise<void> | undefined

  /** @internal */
  constructor(record: NetworkRecord, session: Session) {
    this.id = record.id
    this.name = record.name
    this.subnet = record.subnet
    this.gateway = record.gateway
    this.subnet6 = record.subnet6
    this.gateway6 = record.gateway6
    this.internal = record.internal
    this.labels = record.labels
    this.created = record.created
    this.handle = record.handle
    this.session = session
    this.paths = networkPaths(session.directory, record.name)
    this.members = new Members(record.name, this.paths, session.directory)
    this.#subnet = parseSubnet(record.subnet)!
    this.#subnet6 = record.subnet6 === undefined ? undefined : parseSubnet(record.subnet6)
    this.#addresses = new AddressPool(this.paths.addresses, this.#subnet, this.#subnet6)
  }

  /**
   * Connects a running container. It gets one interface more, and the others find it by its name and aliases.
   *
   * @throws {AirplantError} `ERR_NOT_RUNNING`, `ERR_INVALID_OPTION`, `ERR_ADDRESS_UNAVAILABLE`, `ERR_NAME_TAKEN`
   * @example
   * await network.connect(db, { aliases: ['postgres'] })
   */
  async connect(container: Connectable, options: JoinOptions = {}): Promise<void> {
    await container.connect(this, options)
  }

  /**
   * Takes a running container off the network.
   *
   * @throws {AirplantError} `ERR_NOT_RUNNING`, `ERR_NETWORK_NOT_FOUND` when it is not on it
   */
  async disconnect(container: Connectable): Promise<void> {
    await container.disconnect(this)
  }

  /** Who is on it. */
  containers(): NetworkMember[] {
    this.members.prune()
    const named = new Map(this.members.named().map((member) => [member.container, member]))
    const v4 = this.members.holders().filter(({ address }) => parseIp(address)?.family === 4)
    return v4.map(({ container, address }) => {
      const ip6 = named.get(container)?.ip6 ?? this.#sixthOf(address)
      const { name, aliases = [] } = named.get(container) ?? {}
      return { container, name, aliases, ip: address, ip6 }
    })
  }

  /**
   * Gives a container its addresses and makes its names known. The interface is the caller's to make.
   *
   * @throws {AirplantError} `ERR_NETWORK_NOT_FOUND` when it was removed, `ERR_INVALID_OPTION`, `ERR_ADDRESS_UNAVAILABLE`, `ERR_NAME_TAKEN`
   * @internal
   */
  join({ id, name, number }: Joiner, options: JoinOptions): Membership {
    if (!existsSync(this.paths.record)) throw this.#removed()
    // Of the process that made it one day nothing is left; whoever uses it takes its place.
    this.serveNames().catch(() => undefined)
    const aliases = (options.aliases ?? []).map((alias) => checkName('an alias', alias))
    const wanted = {
      ip: options.ip === undefined ? undefined : checkFixedAddress('ip', options.ip, this.#subnet, this.name),
      ip6: options.ip6 === undefined ? undefined : checkFixedAddress('ip6', options.ip6, this.#subnet6, this.name),
    }
    const holder = { container: id, pid: process.pid, number }
    let addresses = this.#addresses.claim(wanted, holder)
    if (!addresses && this.members.prune()) addresses = this.#addresses.claim(wanted, holder)
    if (!addresses) throw this.#exhausted()
    const { ip, ip6 } = addresses
    const texts = { ip: formatIp(ip), ip6: ip6 && formatIp(ip6) }
    const claimed = [texts.ip, ...(wanted.ip6 ? [formatIp(wanted.ip6)] : [])]
    const claims = { container: id, addresses: claimed, names: name === undefined ? [] : [name] }
    try {
      if (name !== undefined || aliases.length > 0) this.members.add({ ...holder, name, aliases, ...texts })
    } catch (error) {
      this.members.remove(this.members.claimsOf(id))
      throw error
    }
    return { network: this, ip, ip6, aliases, number, claims, seen: this.members.changed() }
  }

  /** The place of a container, whichever process connected it; undefined when it has none. @internal */
  placeOf(container: string): Membership | undefined {
    const own = this.members.holders().filter((holder) => holder.container === container)
    const holder = own.find(({ address }) => parseIp(address)?.family === 4)
    if (!holder) return undefined
    const { aliases = [], ip6 } = this.members.named().find((member) => member.container === container) ?? {}
    const fixed6 = own.find(({ address }) => parseIp(address)?.family === 6)?.address
    const text6 = ip6 ?? fixed6 ?? this.#sixthOf(holder.address)
    return {
      ...{ network: this, aliases, number: holder.number, claims: this.members.claimsOf(container) },
      ip: parseIp(holder.address)!,
      ip6: text6 === undefined ? undefined : parseIp(text6),
      seen: this.members.changed(),
    }
  }

  /** Gives back what a container has here. @internal */
  leave(claims: Claims): void {
    this.members.remove(claims)
  }

  /** Answers members that ask for names, unless another process does. @internal */
  async serveNames(): Promise<void> {
    if (this.#names) return
    const { NamesService } = await import('./names-service.ts')
    if (this.#names || this.#removal) return
    this.#names = new NamesService(this)
    await this.#names.start()
  }

  /**
   * Opens the way out, once.
   *
   * @throws {AirplantError} `ERR_EGRESS_UNAVAILABLE`
   * @internal
   */
  async openEgress(wanted: 'slirp4netns' | 'pasta' | undefined, env: NodeJS.ProcessEnv): Promise<void> {
    if (!this.#egress) {
      const { Egress } = await import('./egress/egress.ts')
      this.#egress ??= new Egress(this)
    }
    await this.#egress.open(wanted, env)
  }

  /** @internal */
  get subnets(): { readonly subnet: Subnet; readonly subnet6: Subnet | undefined } {
    return { subnet: this.#subnet, subnet6: this.#subnet6 }
  }

  /** Removes it. Containers that are still on it lose their interface. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#removal ??= this.#remove()
    return this.#removal
  }

  async #remove(): Promise<void> {
    const { removeNetwork } = await import('./remove-network.ts')
    // First, so that nobody joins any more, or takes over from its names' server.
    rmSync(this.paths.record, { force: true })
    await this.#egress?.close()
    await this.#names?.[Symbol.asyncDispose]()
    await removeNetwork(this)
    forgetNetwork(this.paths)
  }

  #sixthOf(address: string): string | undefined {
    const ip6 = this.#subnet6 && counterpart(parseIp(address)!, this.#subnet, this.#subnet6)
    return ip6 && formatIp(ip6)
  }

  #removed(): AirplantError {
    return new AirplantError({
      code: 'ERR_NETWORK_NOT_FOUND',
      phase: 'create',
      message: `Cannot join network "${this.name}": it was removed`,
      hint: 'Dispose it after the containers that are on it, or make another one',
    })
  }

  #exhausted(): AirplantError {
    return new AirplantError({
      code: 'ERR_ADDRESS_UNAVAILABLE',
      phase: 'create',
      message: `Cannot join network "${this.name}": all addresses of ${this.subnet} are taken`,
      hint: 'Dispose containers that are not needed, or make a network with a larger subnet',
    })
  }
}
