import { SESSION_NETWORK } from '../networks/session-network-name.ts'
import { SessionNetworks } from '../networks/session-networks.ts'
import type { Command } from './command.ts'
import { withNetworksOf } from './connected-container.ts'

/** `airplant network disconnect`. */
export const networkDisconnectCommand: Command = {
  name: 'network disconnect',
  usage: '[FLAGS] NETWORK CONTAINER',
  about: 'Takes a running container off a network. Its published ports go on working.',
  flags: [{ name: 'force', short: 'f', help: 'Accepted: it is always done at once' }],
  words: [2, 2],
  async run(line) {
    const [name = '', container = ''] = line.words
    const network = name === 'bridge' || name === 'default' ? SESSION_NETWORK : name
    await withNetworksOf(container, ({ session }, networks) =>
      networks.disconnect(SessionNetworks.of(session).find(network)),
    )
    return 0
  },
}
