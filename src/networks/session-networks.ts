import { existsSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { AirplantError } from '../errors.ts'
import { closestName } from '../rootless/closest-name.ts'
import { pause } from '../rootless/pause.ts'
import type { Session } from '../rootless/session.ts'
import { checkFree, chooseSubnet, chooseSubnet6 } from './addresses/choose-subnet.ts'
import type { TakenSubnet } from './addresses/choose-subnet.ts'
import { readHostRoutes } from './addresses/host-routes.ts'
import { formatSubnet, parseSubnet } from './addresses/subnet.ts'
import type { Subnet } from './addresses/subnet.ts'
import { holdNetwork } from './hold-network.ts'
import { Network } from './network.ts'
import { checkNetworkOptions } from './network-options.ts'
import type { NetworkOptions } from './network-options.ts'
import {
  claimNetwork,
  forgetNetwork,
  listPlanned,
  listRecords,
  networkPaths,
  readRecord,
  writeAtomically,
} from './network-record.ts'
import { SESSION_NETWORK } from './session-network-name.ts'

/** How long another process may take to make the network that it has begun, in ms. */
const MAKING_TIMEOUT = 5000
/** Between two looks at it, in ms: making one takes a few. */
const MAKING_PAUSE = 2

/** The networks of one session. */
export class SessionNetworks {
  readonly #session: Session
  readonly #known = new Map<string, Network>()
  #implicit: Promise<Network> | undefined

  private constructor(session: Session) {
    this.#session = session
  }

  /** Those of a session, the same at every call. */
  static of(session: Session): SessionNetworks {
    return session.once('networks', () => new SessionNetworks(session))
  }

  /**
   * Makes a network.
   *
   * @param id twelve hexadecimal digits that nobody else has. @default random ones
   * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_NAME_TAKEN`, `ERR_SUBNET_CLASH`, `ERR_STEP_FAILED`
   */
  async create(options: NetworkOptions = {}, id: string = randomBytes(6).toString('hex')): Promise<Network> {
    const checked = checkNetworkOptions(options)
    const network = await this.#make({ ...checked, id, name: checked.name ?? id })
    if (network) return network
    throw new AirplantError({
      code: 'ERR_NAME_TAKEN',
      phase: 'create',
      message: `Cannot make network "${checked.name}": the session has one of that name`,
      hint: 'Choose another name, or leave it out: a random one is given then',
    })
  }

  /** The network that is made when the first container wants it. */
  implicit(): Promise<Network> {
    this.#implicit ??= this.#makeImplicit()
    this.#implicit.catch(() => (this.#implicit = undefined))
    return this.#implicit
  }

  /**
   * The network of that name, ID, or unambiguous beginning of an ID.
   *
   * @throws {AirplantError} `ERR_NETWORK_NOT_FOUND`
   */
  find(wanted: string): Network {
    const all = this.list()
    const exact = all.find(({ name, id }) => name === wanted || id === wanted)
    const begins = all.filter(({ id }) => wanted.length >= 3 && id.startsWith(wanted))
    const found = exact ?? (begins.length === 1 ? begins[0] : undefined)
    if (found) return found
    const names = all.map(({ name }) => name)
    const closest = closestName(wanted, names)
    throw new AirplantError({
      code: 'ERR_NETWORK_NOT_FOUND',
      phase: 'create',
      message: `Cannot find network "${wanted}": the session has none of that name`,
      hint: closest
        ? `Did you mean "${closest}"?`
        : `Make it with createNetwork({ name: "${wanted}" })${names.length > 0 ? `; there are ${names.join(', ')}` : ''}`,
    })
  }

  /** All of them, also those that other processes made. */
  list(): Network[] {
    return listRecords(this.#session.directory).map((record) => {
      const known = this.#known.get(record.id)
      if (known) return known
      const network = new Network(record, this.#session)
      this.#known.set(record.id, network)
      return network
    })
  }

  async #makeImplicit(): Promise<Network> {
    const options = { name: SESSION_NETWORK, subnet: undefined, subnet6: undefined, internal: false, labels: {} }
    for (const began = Date.now(); ;) {
      const made = await this.#make({ ...options, id: randomBytes(6).toString('hex') })
      if (made) return made
      // Another process of this session was first.
      const found = this.list().find(({ name }) => name === SESSION_NETWORK)
      if (found) return found
      if (Date.now() - began > MAKING_TIMEOUT) forgetNetwork(networkPaths(this.#session.directory, SESSION_NETWORK))
      await pause(MAKING_PAUSE)
    }
  }

  /** Undefined when the name is taken. */
  async #make(options: NewNetwork): Promise<Network | undefined> {
    const paths = networkPaths(this.#session.directory, options.name)
    if (!claimNetwork(paths)) return undefined
    try {
      const [subnet, subnet6] = this.#subnetsFor(options, paths.planned)
      const network = await holdNetwork(this.#session, paths, { ...options, subnet, subnet6 })
      this.#known.set(network.id, network)
      return network
    } catch (error) {
      forgetNetwork(paths)
      throw error
    }
  }

  #subnetsFor({ subnet, subnet6 }: NewNetwork, planned: string): readonly [Subnet, Subnet | undefined] {
    const routes = readHostRoutes()
    const taken = this.#taken()
    for (const wanted of [subnet, subnet6]) if (wanted) checkFree(wanted, routes, taken)
    const hasIpv6 = existsSync('/proc/net/if_inet6')
    const chosen = [subnet ?? chooseSubnet(routes, taken), subnet6 ?? (hasIpv6 ? chooseSubnet6() : undefined)] as const
    writeAtomically(planned, JSON.stringify(chosen.filter((each) => each !== undefined).map(formatSubnet)))
    return chosen
  }

  #taken(): TakenSubnet[] {
    return listPlanned(this.#session.directory).flatMap(({ name, subnets }) =>
      subnets.map((text) => ({ name, subnet: parseSubnet(text)! })),
    )
  }
}

interface NewNetwork {
  readonly id: string
  readonly name: string
  readonly subnet: Subnet | undefined
  readonly subnet6: Subnet | undefined
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
}

/** The network of that name in that session, for those who may also mean another one. @internal */
export function hasNetwork(session: Session, name: string): boolean {
  return readRecord(networkPaths(session.directory, name)) !== undefined
}
