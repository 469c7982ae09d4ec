import type { FoundContainer } from '../containers/find-container.ts'
import type { Membership } from '../networks/network.ts'
import { SessionNetworks } from '../networks/session-networks.ts'

/** The networks of a container that another process started, in the order of its interfaces. */
export function placesOf({ session, listed }: Pick<FoundContainer, 'session' | 'listed'>): Membership[] {
  const networks = SessionNetworks.of(session).list()
  const places = networks.flatMap((network) => network.placeOf(listed.id) ?? [])
  return places.sort((one, other) => one.number - other.number)
}
