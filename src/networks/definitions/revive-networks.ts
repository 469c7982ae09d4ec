import { isAirplantError } from '../../errors.ts'
import { AirplantError } from '../../errors.ts'
import { closestName } from '../../rootless/closest-name.ts'
import type { Session } from '../../rootless/session.ts'
import { forgetNetwork, networkPaths } from '../network-record.ts'
import { hasNetwork, SessionNetworks } from '../session-networks.ts'
import type { NetworkDefinition } from './network-definition.ts'
import { optionsOf } from './network-definition.ts'
import type { NetworkDefinitions } from './network-definitions.ts'

/**
 * Makes networks of their definitions in a session, unless they are there.
 *
 * @throws {AirplantError} `ERR_NETWORK_NOT_FOUND`, `ERR_SUBNET_CLASH` when the host got a route there meanwhile, `ERR_STEP_FAILED`
 */
export async function reviveNetworks(
  session: Session,
  names: readonly string[],
  definitions: NetworkDefinitions,
): Promise<void> {
  const missing = names.filter((name) => !hasNetwork(session, name))
  if (missing.length === 0) return
  const lock = await definitions.lock(session)
  try {
    for (const name of missing) {
      if (!hasNetwork(session, name)) await revive(session, findDefinition(definitions, name))
    }
  } finally {
    await lock[Symbol.asyncDispose]()
  }
}

/** @throws {AirplantError} `ERR_NETWORK_NOT_FOUND` */
export function findDefinition(definitions: NetworkDefinitions, name: string): NetworkDefinition {
  const found = definitions.find(name)
  if (found) return found
  const closest = closestName(
    name,
    definitions.list().map((each) => each.name),
  )
  throw new AirplantError({
    code: 'ERR_NETWORK_NOT_FOUND',
    phase: 'create',
    message: `Cannot find network "${name}"`,
    hint: `${closest ? `Did you mean "${closest}"? Else make` : 'Make'} it with: airplant network create ${name}`,
  })
}

async function revive(session: Session, definition: NetworkDefinition): Promise<void> {
  const make = (): Promise<unknown> => SessionNetworks.of(session).create(optionsOf(definition), definition.id)
  try {
    await make()
  } catch (error) {
    if (!isAirplantError(error) || error.code !== 'ERR_NAME_TAKEN' || hasNetwork(session, definition.name)) throw error
    // Whoever was about to make it was killed: the lock is ours.
    forgetNetwork(networkPaths(session.directory, definition.name))
    await make()
  }
}
