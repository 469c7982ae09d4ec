import { createHash } from 'node:crypto'
import { AirplantError } from '../errors.ts'
import { formatIp } from '../rootless/ip-address.ts'
import { parseSubnet } from '../networks/addresses/subnet.ts'
import type { NetworkDefinition } from '../networks/definitions/network-definition.ts'
import { NetworkDefinitions } from '../networks/definitions/network-definitions.ts'
import { gatewayOf } from '../networks/network-plan.ts'
import type { Network, NetworkMember } from '../networks/network.ts'
import { SessionNetworks } from '../networks/session-networks.ts'
import { SESSION_NETWORK } from '../networks/session-network-name.ts'
import { attachSessions } from '../rootless/attach-sessions.ts'
import { closestName } from '../rootless/closest-name.ts'
import type { Session } from '../rootless/session.ts'
import { stateDirectory } from '../rootless/state-directory.ts'

/** A network as commands show it. */
export interface KnownNetwork {
  readonly id: string
  readonly name: string
  /** Docker's word: `bridge`, `host` or `null`. */
  readonly driver: string
  /** `builtin`: always there; `defined`: by "network create"; `session`: by a program, for as long as it runs. */
  readonly kind: 'builtin' | 'defined' | 'session'
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
  /** ISO 8601; `''` when it was always there. */
  readonly created: string
  readonly subnets: readonly { readonly subnet: string; readonly gateway: string }[]
  /** Where it is alive. */
  readonly living: readonly Network[]
}

/** All networks of this account, with the sessions that they live in. Disposing closes the connections and ends nothing. */
export class KnownNetworks implements AsyncDisposable {
  readonly definitions: NetworkDefinitions
  readonly #sessions: readonly Session[]

  private constructor(definitions: NetworkDefinitions, sessions: readonly Session[]) {
    this.definitions = definitions
    this.#sessions = sessions
  }

  static async open(env: NodeJS.ProcessEnv): Promise<KnownNetworks> {
    return new KnownNetworks(new NetworkDefinitions(stateDirectory(env)), await attachSessions(env))
  }

  /** By name. */
  list(): KnownNetwork[] {
    const living = this.#sessions.flatMap((session) => SessionNetworks.of(session).list())
    const defined = this.definitions.list().map((definition) => ofDefinition(definition, living))
    const named = new Set(defined.map(({ id }) => id))
    const others = living.filter(({ id, name }) => name !== SESSION_NETWORK && !named.has(id)).map(ofSession)
    const implicit = living.filter(({ name }) => name === SESSION_NETWORK)
    const all = [...builtin(implicit), ...defined, ...others]
    return all.sort((one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)))
  }

  /**
   * The network of that name, ID, or unambiguous beginning of an ID.
   *
   * @throws {AirplantError} `ERR_NETWORK_NOT_FOUND`
   */
  find(wanted: string): KnownNetwork {
    const all = this.list()
    const named = all.filter(({ name }) => name === wanted)
    // A program may have made one of the same name for itself.
    const own = named.filter(({ kind }) => kind !== 'session')
    const exact = own.length > 0 ? own : named.length > 0 ? named : all.filter(({ id }) => id === wanted)
    const found = exact.length > 0 ? exact : all.filter(({ id }) => wanted !== '' && id.startsWith(wanted))
    if (found.length === 1) return found[0]!
    const names = all.map(({ name }) => name)
    const closest = closestName(wanted, names)
    const count = named.length > 1 ? `${named.length} have that name` : `${found.length} have an ID that begins so`
    throw new AirplantError({
      code: 'ERR_NETWORK_NOT_FOUND',
      message: `Cannot find network "${wanted}"${found.length > 1 ? `: ${count}` : ''}`,
      hint:
        found.length > 1
          ? `Name one by its ID: ${found.map(({ id }) => id).join(', ')}`
          : closest
            ? `Did you mean "${closest}"?`
            : `There are ${names.join(', ')}`,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session[Symbol.asyncDispose]()))
  }
}

/** The containers on a network, in all sessions. */
export function membersOf({ living }: Pick<KnownNetwork, 'living'>): NetworkMember[] {
  return living.flatMap((network) => network.containers())
}

/** As messages call a member. */
export function memberName({ name, container }: NetworkMember): string {
  return name ?? container
}

function ofDefinition(definition: NetworkDefinition, living: readonly Network[]): KnownNetwork {
  const { id, name, internal, labels, created, subnet, subnet6 } = definition
  return {
    ...{ id, name, driver: 'bridge', kind: 'defined', internal, labels, created },
    subnets: [subnet, subnet6].flatMap(withGateway),
    living: living.filter((network) => network.id === id),
  }
}

function ofSession(network: Network): KnownNetwork {
  const { id, name, internal, labels, created, subnet, subnet6 } = network
  return {
    ...{ id, name, driver: 'bridge', kind: 'session', internal, labels, created },
    ...{ subnets: [subnet, subnet6].flatMap(withGateway), living: [network] },
  }
}

function withGateway(text: string | undefined): KnownNetwork['subnets'] {
  const subnet = text === undefined ? undefined : parseSubnet(text)
  return subnet ? [{ subnet: text!, gateway: formatIp(gatewayOf(subnet)) }] : []
}

/** What `--network` takes without anything being made, as docker lists it. Every session has a bridge of its own. */
function builtin(implicit: readonly Network[]): KnownNetwork[] {
  return [['bridge', 'bridge', implicit] as const, ['host', 'host', []] as const, ['none', 'null', []] as const].map(
    ([name, driver, living]) => ({
      ...{ id: createHash('sha256').update(`airplant ${name}`).digest('hex').slice(0, 12), name, driver },
      ...{ kind: 'builtin', internal: false, labels: {}, created: '', subnets: [], living },
    }),
  )
}
