import { join } from 'node:path'
import type { NamePaths } from './names/name-server.ts'

/** The sockets to which a network's process relays what members ask for. Directly in the session directory: their paths are bounded. */
export function namePaths(session: string, id: string): NamePaths {
  return { udpPath: join(session, `names-${id}.udp`), tcpPath: join(session, `names-${id}.tcp`) }
}
