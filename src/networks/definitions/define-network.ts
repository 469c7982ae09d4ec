import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { AirplantError } from '../../errors.ts'
import type { Session } from '../../rootless/session.ts'
import type { TakenSubnet } from '../addresses/choose-subnet.ts'
import { checkFree, chooseSubnet, chooseSubnet6 } from '../addresses/choose-subnet.ts'
import { readHostRoutes } from '../addresses/host-routes.ts'
import { formatSubnet, parseSubnet } from '../addresses/subnet.ts'
import type { NetworkOptions } from '../network-options.ts'
import { checkNetworkOptions } from '../network-options.ts'
import type { NetworkDefinition } from './network-definition.ts'
import type { NetworkDefinitions } from './network-definitions.ts'

/** Left to networks that sessions make by themselves, of which no definition can know. */
const SESSIONS_OWN: TakenSubnet = { name: 'session', subnet: parseSubnet('10.89.0.0/17')! }

/**
 * Writes down a network, with its addresses chosen: they stay the same as often as it comes to life.
 *
 * @param session whose keeper holds the lock meanwhile
 * @throws {AirplantError} `ERR_INVALID_OPTION`, `ERR_NAME_TAKEN`, `ERR_SUBNET_CLASH`, `ERR_FILE_FAILED`, `ERR_DISK_FULL`
 */
export async function defineNetwork(
  session: Session,
  definitions: NetworkDefinitions,
  options: NetworkOptions & { readonly name: string },
): Promise<NetworkDefinition> {
  const { internal, labels, subnet, subnet6 } = checkNetworkOptions(options)
  const lock = await definitions.lock(session)
  try {
    if (definitions.find(options.name)) throw taken(options.name)
    const others = definitions.list().flatMap(subnetsOf)
    const routes = readHostRoutes()
    for (const wanted of [subnet, subnet6]) if (wanted) checkFree(wanted, routes, others)
    const hasIpv6 = existsSync('/proc/net/if_inet6')
    const chosen6 = subnet6 ?? (hasIpv6 ? chooseSubnet6() : undefined)
    const definition: NetworkDefinition = {
      ...{ id: randomBytes(6).toString('hex'), name: options.name, internal, labels },
      subnet: formatSubnet(subnet ?? chooseSubnet(routes, [...others, SESSIONS_OWN])),
      subnet6: chosen6 && formatSubnet(chosen6),
      created: new Date().toISOString(),
    }
    definitions.write(definition)
    return definition
  } finally {
    await lock[Symbol.asyncDispose]()
  }
}

function subnetsOf({ name, subnet, subnet6 }: NetworkDefinition): TakenSubnet[] {
  return [subnet, subnet6].flatMap((text) => {
    const parsed = text === undefined ? undefined : parseSubnet(text)
    return parsed ? [{ name, subnet: parsed }] : []
  })
}

function taken(name: string): AirplantError {
  return new AirplantError({
    code: 'ERR_NAME_TAKEN',
    phase: 'create',
    message: `Cannot make network "${name}": network with name ${name} already exists`,
    hint: `Use it, or remove it first: airplant network rm ${name}`,
  })
}
