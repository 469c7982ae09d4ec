import { AirplantError } from '../../errors.ts'
import type { JoinOptions, Network } from '../../networks/network.ts'
import { FileAccess } from '../files/file-access.ts'
import type { PublishedPort } from '../ports.ts'
import { reachable } from '../ports.ts'
import type { ContainerNetwork, ContainerNetworks } from './container-networks.ts'

/** How a container is reached, from here and from its neighbours. */
export abstract class NetworkAccess<Port extends number = number> extends FileAccess {
  abstract readonly id: string
  abstract readonly image: string
  /** Where published ports are reached that name no address of their own. */
  readonly host = '127.0.0.1'
  abstract readonly publishedPorts: readonly PublishedPort[]
  /** @internal */
  protected abstract connected(): Promise<ContainerNetworks>

  /**
   * The host port that a port of the container is published on.
   *
   * @param protocol @default the one that is published, TCP where both are
   * @throws {AirplantError} `ERR_PORT_NOT_PUBLISHED`
   */
  port(container: Port, protocol?: 'tcp' | 'udp'): number {
    return this.#published(container, protocol).host
  }

  /**
   * A URL of a published TCP port.
   *
   * @param protocol @default 'http'
   * @throws {AirplantError} `ERR_PORT_NOT_PUBLISHED`
   * @example
   * container.url(6379, 'redis') // 'redis://127.0.0.1:40123'
   */
  url(container: Port, protocol = 'http'): string {
    const { host, port } = this.address(container)
    return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  /**
   * Host and port of a published port, for `net.connect` and most clients.
   *
   * @param protocol @default the one that is published, TCP where both are
   * @throws {AirplantError} `ERR_PORT_NOT_PUBLISHED`
   */
  address(container: Port, protocol?: 'tcp' | 'udp'): { host: string; port: number } {
    const { address, host } = this.#published(container, protocol)
    return { host: reachable(address), port: host }
  }

  /** The networks that it is on, and its addresses there. */
  abstract readonly networks: readonly ContainerNetwork[]

  /**
   * Connects it to one more network while it runs.
   *
   * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_ADDRESS_UNAVAILABLE`, `ERR_NAME_TAKEN`, `ERR_NOT_RUNNING`
   * @example
   * await container.connect(network, { aliases: ['db'] })
   */
  async connect(network: Network, options: JoinOptions = {}): Promise<void> {
    await (await this.connected()).connect(network, options)
  }

  /**
   * Takes it off a network while it runs. Published ports go on working.
   *
   * @throws {AirplantError} `ERR_NETWORK_NOT_FOUND` when it is not on it, `ERR_NOT_RUNNING`
   */
  async disconnect(network: Network): Promise<void> {
    await (await this.connected()).disconnect(network)
  }

  #published(container: number, protocol: 'tcp' | 'udp' | undefined): PublishedPort {
    const of = (wanted: 'tcp' | 'udp'): PublishedPort | undefined =>
      this.publishedPorts.find((port) => port.container === container && port.protocol === wanted)
    const published = protocol ? of(protocol) : (of('tcp') ?? of('udp'))
    if (published) return published
    const others = [...new Set(this.publishedPorts.map((port) => `${port.container}/${port.protocol}`))].join(', ')
    const wanted = `${protocol === 'udp' ? 'UDP port' : 'port'} ${container}`
    throw new AirplantError({
      code: 'ERR_PORT_NOT_PUBLISHED',
      message: `Cannot reach ${wanted} of container ${this.id}: it is not published`,
      hint: `Add it to the ports option${others ? `, which has ${others.replaceAll('/tcp', '')}` : ''}`,
      container: this.id,
      image: this.image,
    })
  }
}
