import { defaultSession, disposeDefaultSession } from '../rootless/default-session.ts'
import { NetworkDefinitions } from '../networks/definitions/network-definitions.ts'
import { stateDirectory } from '../rootless/state-directory.ts'
import type { Session } from '../rootless/session.ts'
import { endOnSignals } from './end-on-signals.ts'
import { KnownNetworks } from './known-networks.ts'

/** Runs a command that looks at networks. */
export async function withNetworks<T>(command: (networks: KnownNetworks) => Promise<T>): Promise<T> {
  endOnSignals()
  const networks = await KnownNetworks.open(process.env)
  try {
    return await command(networks)
  } finally {
    await networks[Symbol.asyncDispose]()
  }
}

/** Runs a command that changes definitions, with a session of its own, which can hold a lock and ends with it. */
export async function withDefinitions<T>(
  command: (definitions: NetworkDefinitions, session: Session) => Promise<T>,
): Promise<T> {
  endOnSignals()
  try {
    const session = await defaultSession()
    return await command(new NetworkDefinitions(stateDirectory(process.env)), session)
  } finally {
    await disposeDefaultSession()
  }
}

/** Runs a command that removes networks: meanwhile no other process makes or removes one. */
export async function withLockedNetworks<T>(command: (networks: KnownNetworks) => Promise<T>): Promise<T> {
  return await withDefinitions(async (definitions, session) => {
    const lock = await definitions.lock(session)
    try {
      return await withNetworks(command)
    } finally {
      await lock[Symbol.asyncDispose]()
    }
  })
}
